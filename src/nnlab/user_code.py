"""Python code of the user's own, named as `my_code.py:name`: read without running it, and run only once it is trusted.

What a config says of it is checked against its text. `run_code` is the only place that runs it.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from nnlab.errors import ConfigError, NnlabError, Problem, did_you_mean, first_line
from nnlab.special_files import special_file
from nnlab.wording import listed, one_of

UNKNOWN: Final = object()
"""A default that is no literal: only running the code would tell it."""

_REFERENCE = re.compile(r"[^:\s]([^:]*[^:/\\])?\.py:[^\W\d]\w*")

_texts: dict[str, str] = {}
_modules: dict[str, tuple[str, ModuleType]] = {}
_trusted: set[str] = set()


def is_reference(text: object) -> bool:
    """Whether a text names something in a Python file.

    >>> is_reference("code/mine.py:swish2"), is_reference("relu")
    (True, False)
    """
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def split_reference(text: str) -> tuple[str, str]:
    """Return the file, or module, and the name in it.

    >>> split_reference("models/mine.py:Net")
    ('models/mine.py', 'Net')
    """
    place, _, name = text.rpartition(":")
    return place, name


def references_in(plain: Any) -> Iterator[str]:
    """Yield what plain values of a config name in Python files, as keys or values."""
    if isinstance(plain, Mapping):
        for key, value in plain.items():
            yield from references_in(key)
            yield from references_in(value)
    elif isinstance(plain, (list, tuple)):
        for item in plain:
            yield from references_in(item)
    elif is_reference(plain):
        yield plain


def files_of(references: Iterable[str]) -> dict[str, list[str]]:
    """Return the names by their file."""
    files: dict[str, list[str]] = {}
    for file, name in map(split_reference, references):
        names = files.setdefault(file, [])
        names += [name] if name not in names else []
    return files


def read_anew(file: str) -> str | None:
    """Read a file, whose text then stays what it is for all that follows; `None` if it cannot be read."""
    _texts.pop(file, None)
    try:
        if special_file(Path(file)) is None:
            _texts[file] = Path(file).read_bytes().decode("utf-8-sig")
    except (OSError, ValueError):  # who needs it says so
        return None
    return _texts.get(file)


def remember(texts: Mapping[str, str]) -> None:
    """Take the texts of files that were read elsewhere: those here may have changed, or not be there."""
    _texts.update(texts)


def texts_of(references: Iterable[str]) -> dict[str, str]:
    """Return the texts of the files, as far as they can be read."""
    found = ((file, _text(file)) for file in files_of(references))
    return {file: text for file, text in found if text is not None}


def digest(text: str) -> str:
    """Return the BLAKE2b hash of a text, 16 bytes in hexadecimal."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _text(file: str) -> str | None:
    return _texts[file] if file in _texts else read_anew(file)


class Argument(NamedTuple):
    """An argument of a function or a constructor.

    Args:
        default: its value if it is left out; `nnlab.user_code.UNKNOWN` if only running the code would tell.
        annotation: as written, without what follows in brackets.
        required: whether it has no default.
    """

    name: str
    default: Any = None
    annotations: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """What a file says of a function or a class.

    Args:
        arguments: those that may be given by name, of a class those of its constructor.
        takes_more: whether it takes others, too (`**kwargs`).
        base: the class that it was made from, of a class that is in no file of the user's.
        document: its documentation.
        says: literals that the class holds, or that the file sets as attributes of the function.
        methods: of a class and those in the file that it was made from.
    """

    name: str
    is_class: bool
    arguments: tuple[Argument, ...]
    takes_more: bool
    base: str | None
    document: str
    says: Mapping[str, Any]
    methods: frozenset[str]


def definition_of(reference: str) -> Definition | None:
    """Return what a file says of a name; `None` if it cannot be read, or says nothing."""
    file, name = split_reference(reference)
    text = _text(file)
    if text is None:
        return None
    try:
        return _definitions(text).get(name)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def reading_problem(reference: str, *, classes_only: bool = False) -> tuple[str, str | None] | None:
    """Return message and hint if the file cannot be read, or defines nothing of this name."""
    file, name = split_reference(reference)
    what = "class" if classes_only else "function or class"
    text = _text(file)
    try:
        if text is None and (special := special_file(Path(file))) is not None:
            return f"`{file}` is {special}", "name a Python file"
        found = _definitions(Path(file).read_bytes().decode("utf-8-sig") if text is None else text)
    except FileNotFoundError:
        return f"there is no file `{file}`", "the path is relative to the config"
    except SyntaxError as error:
        return f"`{file}` is no Python: {error.msg}, line {error.lineno}", "correct the file"
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        return f"`{file}` cannot be read as Python: {error}", "correct the file"
    if classes_only and name in found and not found[name].is_class:
        return f"`{name}` is a function, and a class is needed here", None
    known = [each.name for each in found.values() if each.is_class or not classes_only]
    if name not in known:
        few = one_of(known) if known else f"it defines no {what}"
        return f"`{file}` defines no {what} `{name}`", did_you_mean(name, known) or few
    return None


@cache
def _definitions(text: str) -> Mapping[str, Definition]:
    tree = ast.parse(text)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    said = _attributes_set(tree)
    found: dict[str, Definition] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            arguments, more = _arguments(node)
            document = ast.get_docstring(node) or ""
            says = said.get(node.name, {})
            found[node.name] = Definition(node.name, False, arguments, more, None, document, says, frozenset())
        elif isinstance(node, ast.ClassDef):
            found[node.name] = _class(node, classes, said.get(node.name, {}))
    return found


def _class(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef], said: Mapping[str, Any]) -> Definition:
    """Put together what a class and those that it was made from say, as far as they stand in the file."""
    line, base = [node], _base_of(node)
    while base is not None and base in classes and classes[base] not in line:
        line.append(classes[base])
        base = _base_of(line[-1])
    says: dict[str, Any] = {}
    methods: dict[str, ast.FunctionDef] = {}
    for each in reversed(line):
        says |= {name: value for item in each.body for name, value in _literals(item)}
        methods |= {item.name: item for item in each.body if isinstance(item, ast.FunctionDef)}
    arguments: list[Argument] = []
    takes_more = True
    for each in line:  # `**kwargs` go on to the class that it was made from
        own = next((item for item in each.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
        if own is not None and takes_more:
            more, takes_more = _arguments(own)
            arguments += [argument for argument in more[1:] if argument.name not in {old.name for old in arguments}]
    document, says = ast.get_docstring(node) or "", {**says, **said}
    return Definition(node.name, True, tuple(arguments), takes_more, base, document, says, frozenset(methods))


def _base_of(node: ast.ClassDef) -> str | None:
    return ast.unparse(node.bases[0]).rpartition(".")[2] if node.bases else None


def _arguments(node: ast.FunctionDef) -> tuple[tuple[Argument, ...], bool]:
    """Return the arguments that have a name, and whether others may be given by name, too."""
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [*[None] * (len(positional) - len(given.defaults)), *given.defaults]
    pairs = [*zip(positional, defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    found = [
        Argument(argument.arg, _literal(default), _annotations(argument.annotation), required=default is None)
        for argument, default in pairs
    ]
    return tuple(found), given.kwarg is not None


def _annotations(node: ast.expr | None) -> tuple[str, ...]:
    """Return the types of `float`, `float | None` or `list[int]` as words."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return (*_annotations(node.left), *_annotations(node.right))
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            try:
                return _annotations(ast.parse(node.value, mode="eval").body)
            except SyntaxError:
                return ()
        return ("None",) if node.value is None else ()
    if isinstance(node, ast.Subscript):
        outer = ast.unparse(node.value).rpartition(".")[2]
        return (*_annotations(node.slice), "None") if outer == "Optional" else (outer,)
    return () if node is None else (ast.unparse(node).rpartition(".")[2],)


def _literal(node: ast.expr | None) -> Any:
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def _literals(node: ast.stmt) -> Iterator[tuple[str, Any]]:
    """Yield the names that a statement sets, with their values if these are literals."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        pairs = [(node.target.id, _literal(node.value))]
    elif isinstance(node, ast.Assign):
        pairs = [(target.id, _literal(node.value)) for target in node.targets if isinstance(target, ast.Name)]
    else:
        pairs = []
    yield from ((name, value) for name, value in pairs if value is not UNKNOWN)


def _attributes_set(tree: ast.Module) -> dict[str, dict[str, Any]]:
    """Return what statements such as `huber.takes = ("values", "numbers")` set, by the object."""
    found: dict[str, dict[str, Any]] = {}
    for node in tree.body:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                value = _literal(node.value)  # type: ignore[attr-defined]
                if value is not UNKNOWN:
                    found.setdefault(target.value.id, {})[target.attr] = value
    return found


def run_code(references: Collection[str], *, trusted: bool) -> list[ModuleType]:
    """Run the files of the user's own code that are named, but those that have run as they are.

    Args:
        references: what a config names.
        trusted: whether the user has said that the code may run.

    Returns:
        The modules, in the order of the files.

    Raises:
        NnlabError: the code is not trusted, or fails.
    """
    check_trust(references, trusted=trusted)
    return [_run(file) for file in files_of(references)]


def check_trust(references: Iterable[str], *, trusted: bool) -> None:
    """Raise if code is named that is not trusted, and say what would run; remember that it is.

    Raises:
        ConfigError: with each file.
    """
    named = list(references)
    if named and not trusted:
        raise _not_trusted(files_of(named))
    trust(named)


def prints_apart(plain: Any) -> AbstractContextManager[Any]:
    """Let what the user's code prints go to stderr, if plain values of a config name some: stdout is for results."""
    return contextlib.redirect_stdout(sys.stderr) if any(references_in(plain)) else contextlib.nullcontext()


def trust(references: Iterable[str]) -> None:
    """Let the files of what is named run when something of theirs is needed: the user has said that they may."""
    _trusted.update(files_of(references))


def object_named(reference: str) -> Any:
    """Return the function or class, in a file that `run_code` has run, or that is trusted and runs now.

    Raises:
        NnlabError: it has not, and is not, or the file holds no such name then.
    """
    file, name = split_reference(reference)
    if file in _trusted:
        _run(file)
    if file not in _modules or _modules[file][0] != _text(file):
        raise _not_trusted({file: [name]})
    try:
        return getattr(_modules[file][1], name)
    except AttributeError:
        raise NnlabError(f"`{file}` deletes its `{name}` when it runs", hint="correct the file") from None


def _not_trusted(files: Mapping[str, Collection[str]]) -> NnlabError:
    return ConfigError(
        [
            Problem(
                f"`{file}`, for {listed(names)}, is Python code, which would run with all your rights",
                "read it, then add `--trust-code`",
            )
            for file, names in files.items()
        ]
    )


def _run(file: str) -> ModuleType:
    text = _text(file)
    if text is None:
        message, hint = reading_problem(f"{file}:_") or (f"`{file}` cannot be read", None)
        raise NnlabError(message, hint=hint)
    if file in _modules and _modules[file][0] == text:
        return _modules[file][1]
    name = Path(file).stem
    others = {module.__name__ for _, module in _modules.values()}
    if name in sys.modules and name not in others:  # such as `random.py`, which others import
        name = f"nnlab_user_code_{name}"
    module = ModuleType(name)
    module.__file__ = file
    before = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses look themselves up there
    try:
        with prints_apart(f"{file}:{name}"):
            exec(compile(text, file, "exec"), module.__dict__)
    except Exception as error:  # whatever the user's code raises is the user's to see
        sys.modules.pop(name, None)
        if before is not None:
            sys.modules[name] = before
        message = f"`{file}` cannot be imported: {type(error).__name__}: {first_line(error)}"
        install = "put all of it into one file, or install what it imports"
        is_missing = isinstance(error, ModuleNotFoundError)
        raise NnlabError(message, hint=install if is_missing else error_place(error, file)) from error
    _modules[file] = (text, module)
    return module


def error_place(error: Exception, file: str) -> str | None:
    """Say at which line of a file the user's code went wrong, if it was there."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        lines += [trace.tb_lineno] if trace.tb_frame.f_code.co_filename == file else []
        trace = trace.tb_next
    return f"correct the code at line {lines[-1]}" if lines else None
