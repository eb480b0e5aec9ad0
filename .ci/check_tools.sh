#!/usr/bin/env bash
# Checks what the project needs from the system and prints the Python 3.11 to use.
# What is missing or too old is one sentence each on stderr, with the command that installs it (exit 1).
set -euo pipefail

# $1: Debian packages, $2: Fedora packages, $3: Homebrew formulae, $4: what to do elsewhere
install_command() {
    local sudo=""
    [ "$(id -u)" -eq 0 ] || sudo="sudo "
    if command -v apt-get >/dev/null && apt-cache show "${1%% *}" >/dev/null 2>&1; then
        echo "${sudo}apt-get install -y $1"
    elif command -v apt-get >/dev/null && ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then
        echo "${sudo}apt-get update && ${sudo}apt-get install -y $1" # its package lists were never fetched
    elif command -v dnf >/dev/null; then
        echo "${sudo}dnf install -y $2"
    elif command -v brew >/dev/null; then
        echo "brew install $3"
    else
        echo "$4"
    fi
}

problems=0
problem() {
    echo "error: $1" >&2
    problems=1
}

# A pyenv shim may be on the path and yet run nothing: ask the interpreter itself.
python=""
without_venv=""
for candidate in python3.11 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        # DeepSpeed compiles a part of itself against Python's headers
        if "$candidate" -c 'import ensurepip, venv, pathlib, sysconfig as s; exit(not pathlib.Path(s.get_path("include"), "Python.h").exists())' \
            2>/dev/null; then
            python=$candidate
            break
        fi
        without_venv=$candidate
    fi
done
if [ -z "$python" ]; then
    how=$(install_command "python3.11 python3.11-venv python3.11-dev" "python3.11 python3.11-devel" python@3.11 \
        "pyenv install 3.11 && pyenv shell 3.11")
    if [ -n "$without_venv" ]; then
        problem "$without_venv is Python 3.11 without its part for virtual environments, or without its headers; install these with: $how"
    else
        problem "Python 3.11 was not found (the pinned packages are for that version); install it with: $how"
    fi
fi

# The Java that Spark will take
java=java
[ -z "${JAVA_HOME:-}" ] || java="$JAVA_HOME/bin/java"
how=$(install_command openjdk-17-jdk-headless java-17-openjdk-headless openjdk@17 "sdk install java 17.0.15-tem")
[ "$java" = java ] || how="$how, then: unset JAVA_HOME"
if ! version=$("$java" -version 2>&1); then
    problem "Java 17 or later was not found ($java does not run), and Spark needs it; install it with: $how"
else
    version=$(sed -n 's/.*version "\([^"]*\)".*/\1/p' <<<"$version" | head -n 1)
    major=${version#1.}
    major=${major%%[^0-9]*}
    if [ "${major:-0}" -lt 17 ]; then
        problem "Java is version ${version:-unknown} ($java), and Spark needs 17 or later; install it with: $how"
    elif ! "$java" --list-modules 2>/dev/null | grep -q '^jdk\.incubator\.vector'; then
        problem "Java $version ($java) lacks the module jdk.incubator.vector, and Spark needs it; install a whole JDK with: $how"
    fi
fi

command -v g++ >/dev/null ||
    problem "g++ was not found, and DeepSpeed compiles with it; install it with: $(
        install_command g++ gcc-c++ gcc "your system's package manager (package g++)")"
command -v git >/dev/null ||
    problem "git was not found; install it with: $(
        install_command git git git "your system's package manager (package git)")"

[ "$problems" -eq 0 ] || exit 1
command -v "$python"
