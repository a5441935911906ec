"""expunge forget-set class --subpopulation, on an ImageNet of a few pictures in each folder of Living-17."""
import os
import re
import shlex
import struct
import zlib

import cli
import numpy as np
from forget_set_case import Case, indices_in


def png(value):
    """A grey PNG of 2 x 2 pixels of one value."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(bytes([0, value, value] * 2))) + chunk(b"IEND", b""))


LIVING17 = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../configs/reproduce/living17.toml")
SUBPOPULATIONS = """n01631663 n01632777 n01630670 n01632458 n01669191 n01665541 n01664065 n01667114 n01685808 n01689811
n01694178 n01675722 n01740131 n01735189 n01751748 n01742172 n01774750 n01773157 n01773797 n01775062 n01796340 n01798484
n01797886 n01795545 n01818515 n01820546 n01817953 n01819313 n01978287 n01980166 n01978455 n01981276 n02088466 n02086079
n02111500 n02086910 n02114855 n02114712 n02114548 n02114367 n02120505 n02120079 n02119022 n02119789 n02123159 n02124075
n02123394 n02123597 n02134418 n02133161 n02134084 n02132136 n02172182 n02174001 n02167151 n02168699 n02281406 n02276258
n02280649 n02277742 n02483362 n02480495 n02480855 n02481823 n02490219 n02493509 n02493793 n02492660""".split()


class OfSubpopulation(Case):
    """On an ImageNet of a few pictures in each folder of Living-17."""

    few = 6
    many = {"n02086079": 210, "n02123394": 205}  # those of the shipped configuration

    def setUp(self):
        super().setUp()
        for part in ("train", "val"):
            for g, wnid in enumerate(SUBPOPULATIONS):
                os.makedirs(self.path(f"imagenet/{part}/{wnid}"))
                for i in range(1 if part == "val" else self.many.get(wnid, self.few)):
                    with open(self.path(f"imagenet/{part}/{wnid}/{wnid}_{i:03}.JPEG"), "wb") as file:
                        file.write(png(g))
        with open(LIVING17, encoding="utf-8") as file:
            self.shipped = file.read()
        self.assertEqual(self.shipped.count("image_size = 224\n"), 1)
        os.makedirs(self.path("configs/reproduce"))
        self.text("configs/reproduce/living17.toml", self.shipped.replace("image_size = 224\n", "image_size = 2\n"))
        self.config = ("--config", "configs/reproduce/living17.toml")

    def pictures(self):
        """Each training example's subpopulation, by the cached images."""
        arrays = [np.load(os.path.join(folder, "images.npy")) for folder, _, files in os.walk(self.path("runs"))
                  if "images.npy" in files]
        largest = max(arrays, key=len)
        return [SUBPOPULATIONS[value] for value in largest[:, 0, 0, 0]]

    def test_commands_of_the_shipped_configuration(self):
        commands = re.findall(r"(?m)^#   (?:expunge )?(.*)$", self.shipped)
        self.assertEqual([c.split()[0] for c in commands], ["mkdir", "forget-set", "forget-set", "forget-set"])
        os.makedirs(self.path(commands[0].split()[-1]))
        for command in commands[1:]:
            self.succeeds(*shlex.split(command))
        of = self.pictures()
        self.assertEqual(len(of), 66 * self.few + sum(self.many.values()))
        names = re.findall(r'(?m)^file = "\.\./(.*)"$', self.shipped)
        self.assertEqual(len(names), 3)
        for name, size, subpopulation in zip(names, (500, 200, 200), (None, *self.many)):
            indices, comments = indices_in(self.path("configs/" + name))
            self.assertEqual(len(set(indices)), size)
            self.assertTrue(set(indices) <= set(range(len(of))))
            if subpopulation:
                self.assertEqual({of[i] for i in indices}, {subpopulation})
                self.assertIn(f"subpopulation: 200 of {self.many[subpopulation]} {subpopulation}", comments)
        self.assertIn(f"classes: 200 of {210 + 3 * self.few} dog", indices_in(self.path("configs/" + names[1]))[1])

    def test_whole_or_a_part_by_name_or_number(self):
        whole, said = self.choose("class", *self.config, "--subpopulation", "n02114712")
        of = self.pictures()
        self.assertEqual(whole, [i for i, wnid in enumerate(of) if wnid == "n02114712"])
        self.assertEqual((said["subpopulation"], said["subpopulation_name"]), (37, "n02114712"))
        self.assertEqual(said["classes"], [{"label": 9, "name": "wolf", "forgotten": 6, "of": 24}])
        self.assertEqual(self.choose("class", *self.config, "--subpopulation", 37)[0], whole)
        half, said = self.choose("class", *self.config, "--subpopulation", "n02114712", "--share", 0.5, "--seed", 3)
        self.assertEqual((len(half), said["seed"]), (3, 3))
        self.assertTrue(set(half) <= set(whole))
        two, _ = self.choose("class", *self.config, "--subpopulation", "n02114712", "--count", 2, "--seed", 3)
        self.assertEqual(two, half[:2])
        out = self.succeeds("forget-set", "class", *self.config, "--subpopulation", "n02114712", "--out", "f.txt")
        self.assertEqual(out, f"6 of {len(of)} training examples -> f.txt\nsubpopulation: 6 of 6 n02114712\n"
                              "classes: 6 of 24 wolf\n")
        wolves, _ = self.choose("class", *self.config, "--class", "wolf")
        self.assertEqual(len(wolves), 24)
        self.assertTrue(set(whole) <= set(wolves))

    def test_refusals(self):
        self.choose("random", *self.config, "--count", 3)  # fills the cache
        data = ("class", *self.config)
        self.wrong(*data, "--subpopulation", "n02114721", says='did you mean "n02114712"?')
        self.wrong(*data, "--subpopulation", 68, says=["a subpopulation from 0 to 67", '"68"'])
        self.wrong(*data, "--subpopulation", "n02114712", "--count", 7, says=["from 1 to 6", "subpopulation 37"])
        self.wrong(*data, "--subpopulation", "n02114712", "--class", "wolf", says=["one of", "got both"])
        self.wrong(*data, says=["--subpopulation", "got none"])
        self.npy("labels.npy", np.arange(9) % 2)
        self.wrong("class", "--labels", "labels.npy", "--subpopulation", "n02114712", says="data with subpopulations")
        cli.tiny_experiment(self.folder)
        self.wrong("class", "--config", "tiny.toml", "--subpopulation", 0, says="data with subpopulations")
        os.rename(self.path("imagenet/train/n02114712"), self.path("imagenet/train/wolf"))
        self.wrong(*data, "--subpopulation", "n02114712", code=1,
                   says=["imagenet/train: folders of 68 subpopulations required, got 67", "n02114712 (wolf)"])


if __name__ == "__main__":
    cli.main()
