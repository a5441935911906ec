"""expunge desk serve: what the page shows, and what it refuses."""
import http.client
import os
import re
import signal
import socket
import urllib.parse

import cli

TOKEN = "a-token-that-nobody-guesses"


class Serve(cli.Scratch):
    def setUp(self):
        super().setUp()
        cli.tiny_experiment(self.folder, epochs=2, subset=20, full=20)
        self.text("people.csv", "user\n" + "".join(f"p{i // 4}\n" for i in range(80)))
        self.text("token", TOKEN + "\n")
        self.succeeds("desk", "init", "desk", "--config", "tiny.toml", "--keys", "people.csv", "--key-column", "user",
                      "--resamples", 20, "--oracles", 20, "--budget", 500, "--hard-limit", 1000, "--quiet")
        self.succeeds("desk", "request", "desk", "--ids", "3,17")
        self.succeeds("desk", "process", "desk", "--quiet")

    def serve(self, *arguments):
        process = cli.start("desk", "serve", "desk", "--port", 0, *arguments, cwd=self.folder)
        line = process.stdout.readline()
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", line).group(1))

        def end():
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)

        self.addCleanup(end)
        return process

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers.setdefault("Host", f"127.0.0.1:{self.port}")
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, response.headers, text.decode()

    def states(self):
        return re.findall(r"(pending|withdrawn|processed)", self.succeeds("desk", "status", "desk").split("\n\n")[1])

    def test_shows_requests_versions_and_certificates(self):
        self.serve()
        status, headers, page = self.ask("GET", "/")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", page)
        self.assertEqual(headers["X-Frame-Options"], "DENY")
        self.assertIn("2 examples removed so far, 78 remain", page)
        self.assertNotIn("<form", page)
        for path, kind, words in (("/versions/1", "text/html", "Certificate of removal, version 1"),
                                  ("/versions/0", "text/html", "Opening certificate"),
                                  ("/versions/1/certificate.json", "application/json", '"removed_in_all": 2'),
                                  ("/public.pem", "application/x-pem-file", "BEGIN PUBLIC KEY")):
            status, headers, text = self.ask("GET", path)
            self.assertEqual((status, headers["Content-Type"].split(";")[0]), (200, kind), path)
            self.assertIn(words, text)

    def test_what_is_not_there_is_not_shown(self):
        self.serve()
        for path in ("/versions/9", "/versions/-1", "/versions/99999999999999999999", "/ledger.sqlite",
                     "/keys/signing.pem", "/../keys/signing.pem", "/versions/..%2f..%2fkeys%2fsigning.pem", "/%00"):
            status, _, text = self.ask("GET", path)
            self.assertIn(status, (400, 404), path)
            self.assertNotIn("PRIVATE", text)

    def test_only_reads_without_a_token(self):
        self.serve()
        before = self.states()
        for path, body in (("/requests", {"ids": "5", "token": ""}), ("/withdraw", {"request": "1"})):
            status, _, text = self.ask("POST", path, body)
            self.assertEqual(status, 403)
            self.assertIn("only reads", text)
        self.assertEqual(self.ask("DELETE", "/requests")[0], 404)
        self.assertEqual(self.states(), before)

    def test_a_token_records_and_withdraws(self):
        self.serve("--token-file", "token")
        self.assertIn("<form", self.ask("GET", "/")[2])
        status, _, page = self.ask("POST", "/requests", {"ids": "5, 6", "token": TOKEN})
        self.assertEqual(status, 200)
        self.assertRegex(page, r"Request 2 is recorded\. Its receipt: [0-9a-f]{32}")
        self.assertEqual(self.ask("POST", "/requests", {"key": "p9", "token": TOKEN})[0], 200)
        self.assertEqual(self.ask("POST", "/withdraw", {"request": "2", "token": TOKEN})[0], 200)
        self.assertEqual(sorted(self.states()), ["pending", "processed", "withdrawn"])

    def test_another_token_host_or_origin_changes_nothing(self):
        self.serve("--token-file", "token")
        before = self.states()
        body = {"ids": "5", "token": TOKEN}
        self.assertEqual(self.ask("POST", "/requests", {"ids": "5", "token": TOKEN[:-1]})[0], 403)
        self.assertEqual(self.ask("POST", "/requests", {"ids": "5"})[0], 403)
        self.assertEqual(self.ask("POST", "/requests", body, Origin="http://elsewhere.example")[0], 403)
        self.assertEqual(self.ask("POST", "/requests", body, Host="elsewhere.example")[0], 403)
        self.assertEqual(self.ask("GET", "/", Host=f"elsewhere.example:{self.port}")[0], 403)
        self.assertEqual(self.states(), before)
        own = {"Origin": f"http://127.0.0.1:{self.port}"}
        self.assertEqual(self.ask("POST", "/requests", body, **own)[0], 200)

    def test_what_is_asked_wrongly_is_refused_in_words(self):
        self.serve("--token-file", "token")
        before = self.states()
        for path, fields, words in (("/requests", {"ids": "5,x"}, "a whole number required"),
                                    ("/requests", {"ids": "80"}, "from 0 to 79 required"),
                                    ("/requests", {"ids": "<script>"}, "&lt;script&gt;"),
                                    ("/requests", {"ids": ""}, "a whole number required"),
                                    ("/requests", {"ids": "3"}, "was removed in version 1"),
                                    ("/requests", {"key": "nobody"}, "got none"),
                                    ("/withdraw", {"request": "1"}, "it is processed"),
                                    ("/withdraw", {"request": "77"}, "none of that number")):
            status, _, text = self.ask("POST", path, fields | {"token": TOKEN})
            self.assertEqual(status, 400, fields)
            self.assertIn(words, text)
            self.assertNotIn("<script", text)
        self.assertEqual(self.states(), before)

    def test_large_bodies_are_refused_and_it_goes_on(self):
        self.serve("--token-file", "token")
        try:
            status, _, _ = self.ask("POST", "/requests", {"ids": "5" * (1 << 20), "token": TOKEN})
            self.assertEqual(status, 413)
        except (BrokenPipeError, ConnectionResetError):
            pass  # told before the whole body was taken
        with socket.create_connection(("127.0.0.1", self.port)) as raw:
            raw.sendall(b"\x00\xff nonsense\r\n\r\n")
        self.assertEqual(self.ask("GET", "/")[0], 200)

    def test_listens_on_this_machine_only_and_ends_by_ctrl_c(self):
        process = self.serve()
        addresses = []
        with open("/proc/net/tcp", encoding="ascii") as table:
            for line in table.readlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                address, port = local.split(":")
                if state == "0A" and int(port, 16) == self.port:
                    addresses.append(address)
        self.assertEqual(addresses, ["0100007F"])
        taken = self.run_here("desk", "serve", "desk", "--port", self.port)
        self.assertEqual(taken.returncode, 1)
        self.assertIn("another program may have the port", taken.stderr)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        self.assertEqual(process.returncode, 0)

    def test_a_weak_token_is_refused(self):
        self.text("short", "abc\n")
        done = self.run_here("desk", "serve", "desk", "--port", 0, "--token-file", "short")
        self.assertEqual(done.returncode, 1)
        self.assertIn("at least 16 characters required, got 3", done.stderr)
        self.assertTrue(os.path.exists(self.path("desk/ledger.sqlite")))


if __name__ == "__main__":
    cli.main()
