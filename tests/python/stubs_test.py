"""The stubs of the compiled module are what scripts/python-stubs makes of it."""
import os
import runpy
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class Stubs(unittest.TestCase):
    def test_stub_is_that_of_the_module(self):
        made = runpy.run_path(os.path.join(ROOT, "scripts", "python-stubs"))["stub"]()
        with open(os.path.join(ROOT, "python", "expunge", "_core.pyi"), encoding="utf-8") as file:
            self.assertEqual(file.read(), made, "run scripts/python-stubs > python/expunge/_core.pyi")
        compile(made, "_core.pyi", "exec")


if __name__ == "__main__":
    del sys.argv[1:]
    unittest.main()
