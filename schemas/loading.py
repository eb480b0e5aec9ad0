"""Loading a run configuration: one YAML file, `--set key=value`, and the command line's own options.

Every problem is reported at once; an unknown key is an error that names the nearest known one. Relative paths in a file
start at the file's own folder, those on the command line at the working directory. A file may name another under
`include`, whose keys hold where it says nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from schemas.config import RunConfig
from schemas.spelling import did_you_mean

Config = TypeVar("Config", bound=BaseModel)


class ConfigError(Exception):
    """The configuration is wrong; `problems` holds one sentence for each fault, with file and key."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def load_config(path: Path | None, overrides: Sequence[str] = (), **top_level: Any) -> RunConfig:
    """The configuration of a build of parallel data (`load`)."""
    return load(RunConfig, path, overrides, **top_level)


def load(model: type[Config], path: Path | None, overrides: Sequence[str] = (), **top_level: Any) -> Config:
    """Reads and validates a configuration, of which `model` says what it may hold.

    `overrides` are `key=value` strings (`thresholds.margin.min=1.06`; the value is YAML); `top_level` holds values by
    dotted key (`sources__input` for `sources.input`), `None` meaning not given. Later beats earlier: file, `--set`,
    `top_level`. Raises `ConfigError` with all problems.
    """
    source = str(path) if path else "configuration"
    data: dict[str, Any] = {}
    problems: list[str] = []
    if path is not None:
        data = _from_file(path, model)
    problems += _override(data, overrides)
    for name, value in top_level.items():
        if value is not None:
            try:
                _put(data, name.split("__"), value)
            except TypeError as error:
                problems.append(f"{source}: {error}")
    return _validated(model, data, source, problems)


def change_config(config: Config, overrides: Sequence[str]) -> Config:
    """The configuration with `key=value` strings set in it. Raises `ConfigError` with all problems."""
    # as a file would have it, so that setting a key means the same: what is at its default is not in it
    data = config.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    problems = _override(data, overrides)
    return _validated(type(config), data, "--set", problems)


def _validated(model: type[Config], data: dict[str, Any], source: str, problems: list[str]) -> Config:
    """The configuration that `data` holds. Raises `ConfigError` with all problems, those known already first."""
    try:
        config = model.model_validate(data)
    except ValidationError as error:
        problems += [f"{source}: {_sentence(model, problem)}" for problem in error.errors()]
    if problems:
        raise ConfigError(problems)
    return config


def _override(data: dict[str, Any], overrides: Sequence[str]) -> list[str]:
    """Sets `key=value` strings in `data`; returns what is wrong with them."""
    problems = []
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            problems.append(f"--set {override}: expected key=value")
            continue
        try:
            if key.startswith("spark."):  # Spark's own keys have dots in them
                _put(data, ["spark", key], value)
            else:
                _put(data, key.split("."), yaml.safe_load(value) if value else None)
        except (yaml.YAMLError, TypeError) as error:
            problems.append(f"--set {override}: {str(error).splitlines()[0]}")
    return problems


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror})"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is no valid YAML: {' '.join(str(error).split())}"]) from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError([f"{path}: expected keys and values at the top level"])
    return {
        key: value for key, value in loaded.items() if value is not None
    }  # an empty section holds the defaults


def _from_file(path: Path, model: Any) -> dict[str, Any]:
    """What a file says, over what the file says that it names under `include`."""
    own, folder = _read_yaml(path), path.absolute().parent
    base = own.pop("include", None)
    data: dict[str, Any] = _with_places(own, model, folder)
    return _over(_from_file(folder / str(base), model), data) if base else data


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """The keys of both; where both have one, its keys, too, or else the value of `above`."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _over(merged[key], value) if both else value
    return merged


def _with_places(data: Any, model: Any, folder: Path) -> Any:
    """The data with the relative paths of `model`'s fields made absolute, starting at `folder`."""
    origin, inner = get_origin(model), get_args(model)
    if origin is list:
        return [_with_places(value, inner[0], folder) for value in data] if isinstance(data, list) else data
    if origin is dict:
        known = isinstance(data, dict)
        return {key: _with_places(value, inner[1], folder) for key, value in data.items()} if known else data
    if model is Path or Path in inner:
        return str(Path(os.path.normpath(folder / data))) if isinstance(data, str) else data
    if type(None) in inner:  # a section, or none
        return _with_places(data, inner[0], folder)
    if isinstance(model, type) and issubclass(model, BaseModel) and isinstance(data, dict):
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        return {key: _with_places(value, fields.get(key), folder) for key, value in data.items()}
    return data


def _put(data: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        child = data.setdefault(key, {})
        if child is None:
            child = data[key] = {}
        if not isinstance(child, dict):
            raise TypeError(f"{key} holds a value, not keys")
        data = child
    data[keys[-1]] = value


def _sentence(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key{did_you_mean(where, _known_keys(model))}"
    message = problem["msg"].removeprefix("Value error, ")
    if "unknown threshold" in message or "unknown reason" in message:
        return "; ".join(f"{where}.{fault}" for fault in message.split("\n"))
    given = problem.get("input")
    shown = f" (got {given!r})" if where and isinstance(given, (str, int, float, bool)) else ""
    return f"{where}: {message}{shown}" if where else message


def _known_keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    keys = set()
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        keys.add(key)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                keys |= _known_keys(kind, key + ".")
    return keys
