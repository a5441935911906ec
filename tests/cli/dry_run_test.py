"""--dry-run: what is told is what the run makes, and nothing is left behind."""
import json
import os

import cli


class DryRun(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder, epochs=2, subset=5, full=3, oracles=4)

    def test_stores_are_those_of_the_run(self):
        before = sorted(os.listdir(self.folder))
        plan = json.loads(self.succeeds("run", "tiny.toml", "--dry-run", "--json"))
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        self.succeeds("run", "tiny.toml", "--quiet")
        for store in plan["stores"]:
            with open(self.path(f"runs/tiny/{store['name']}/ensemble.json"), encoding="utf-8") as file:
                self.assertEqual(json.load(file)["models"], store["models"])
            self.assertGreaterEqual(os.path.getsize(self.path(f"runs/tiny/{store['name']}/logits.npy")), 1)
        self.assertEqual(plan["models"], sum(store["models"] for store in plan["stores"]))
        self.assertEqual({store["name"] for store in plan["stores"]},
                         {name for name in os.listdir(self.path("runs/tiny"))
                          if os.path.exists(self.path(f"runs/tiny/{name}/ensemble.json"))})

    def test_text_has_a_row_a_store_and_says_time_disk_and_memory(self):
        text = self.succeeds("train", "tiny.toml", "--dry-run")
        for word in ("subset", "full", "oracle-", "all", "sample gradients a second", "Memory", "disk"):
            self.assertIn(word, text)
        self.assertNotIn("dmm", text)  # train does not unlearn

    def test_a_configuration_that_cannot_be_run_is_refused(self):
        with open(self.path("tiny.toml"), encoding="utf-8") as file:
            text = file.read()
        self.text("bad.toml", text.replace("epochs = 2", "epochs = 0"))
        self.refuses("run", "bad.toml", "--dry-run", code=2, says="epochs")


if __name__ == "__main__":
    cli.main()
