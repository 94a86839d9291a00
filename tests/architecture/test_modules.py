"""Every module says what it is for, stays small and has a telling name."""

import ast
import re
from collections.abc import Iterator
from statistics import median

from tests.architecture.repository import name, parsed, python_files

EVERYWHERE = ("src", "tests", "bench")
LONGEST_SOURCE_LINES = 300
LONGEST_TEST_LINES = 400
LONGEST_CLAIMING_LINES = 199
LONGEST_MEDIAN_FUNCTION_LINES = 12
# Words that say nothing of what a thing does.
EMPTY_WORDS = {"helper", "helpers", "impl", "manager", "service", "util", "utils"}


def _lines(path_start: str, limit: int) -> list[str]:
    sizes = {
        name(file): len(file.read_text(encoding="utf-8").splitlines())
        for file in python_files("src", "tests")
        if name(file).startswith(path_start)
    }
    return [f"{path}: {size} lines" for path, size in sizes.items() if size > limit]


def _function_lengths() -> Iterator[int]:
    for file in python_files("src"):
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1


def _words(identifier: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)}


def test_every_module_says_what_it_is_for() -> None:
    files = python_files(*EVERYWHERE)
    silent = [name(file) for file in files if not ast.get_docstring(parsed(file))]
    assert not silent, "these need a module docstring of one or two sentences"


def test_source_files_stay_small() -> None:
    assert not _lines("src/", LONGEST_SOURCE_LINES), "split by idea"


def test_test_files_stay_small() -> None:
    assert not _lines("tests/", LONGEST_TEST_LINES), "split by idea"


def test_the_algorithm_stays_readable_in_one_sitting() -> None:
    assert not _lines("src/deedbox/core/claiming.py", LONGEST_CLAIMING_LINES)


def test_functions_are_short() -> None:
    lengths = list(_function_lengths())
    assert not lengths or median(lengths) <= LONGEST_MEDIAN_FUNCTION_LINES


def test_file_names_say_what_is_inside() -> None:
    empty = [name(file) for file in python_files(*EVERYWHERE) if _words(file.stem) & EMPTY_WORDS]
    assert not empty, "name these files for what they do"


def test_class_names_say_what_they_are() -> None:
    empty = [
        f"{name(file)}: {node.name}"
        for file in python_files(*EVERYWHERE)
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.ClassDef) and _words(node.name) & EMPTY_WORDS
    ]
    assert not empty, "name these classes for what they are"
