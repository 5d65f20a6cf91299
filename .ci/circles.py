"""Finds modules of one crate that import each other in a circle, and fails if there are any.

A file and the folder of its children count as one module among their siblings. A child may use its parent, and a parent
its children, but the children of one parent must not form a circle. A name is imported from the file that defines it,
whatever `pub use` leads there. Code under `#[cfg(test)]` does not count.
"""

import os
import re
import sys
from collections import defaultdict
from glob import glob

# Strings, characters and comments: names in them are no imports.
NO_CODE = re.compile(r'r(#*)".*?"\1|"(?:\\.|[^"\\])*"|\'(?:\\.[^\']*|[^\'\\\n])\'|//[^\n]*|/\*.*?\*/', re.DOTALL)
PUBLIC = r"pub(?:\([^)]*\))?\s+"
USE = re.compile(rf"({PUBLIC})?\buse\s+([^;]+);")
PATH = re.compile(r"(?<![\w:])[A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)+")
STEPS = {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}


def without_tests(code):
    """The code without the items under `#[cfg(test)]`, such as `mod tests;`."""
    kept, end = [], 0
    for mark in re.finditer(r"#\[cfg\(test\)\]", code):
        if mark.start() < end:
            continue
        kept.append(code[end : mark.start()])
        is_use = re.match(rf"\s*(?:{PUBLIC})?use\b", code[mark.end() :])
        depth, end = 0, mark.end()
        while end < len(code) and depth >= 0:
            sign, end = code[end], end + 1
            depth += STEPS.get(sign, 0)
            if depth == 0 and (sign in ";," or (sign == "}" and not is_use)):
                break
    return "".join(kept) + code[end:]


def branches(tree):
    """Each path of a `use` and its name here: `a::{b, c as d}` is `a::b` as `b`, and `a::c` as `d`."""
    head, brace, rest = tree.partition("{")
    if not brace:
        path, _, name = tree.partition(" as ")
        path = [part.strip() for part in path.split("::")]
        if path[-1] == "self":
            path.pop()
        yield path, name.strip() or path[-1]
        return
    depth, begin, rest = 0, 0, rest[: rest.rindex("}")] + ","
    for at, sign in enumerate(rest):
        depth += STEPS.get(sign, 0)
        if sign == "," and depth == 0:
            if rest[begin:at].strip():
                yield from branches(head + rest[begin:at].strip())
            begin = at + 1


class Crate:
    """The modules of a crate, by their paths: `("config", "rule")`. The root is `()`."""

    def __init__(self, root):
        self.files, self.code, self.uses, self.names = {}, {}, {}, {}
        self.read((), root, os.path.dirname(root))

    def read(self, module, file, folder):
        """Reads a file, and the files of the modules that it declares."""
        with open(file, encoding="utf-8") as text:
            code = without_tests(NO_CODE.sub(" ", text.read()))
        uses = [(use[1], *branch) for use in USE.finditer(code) for branch in branches(" ".join(use[2].split()))]
        self.files[module], self.code[module], self.uses[module] = file, USE.sub("", code), uses
        self.names[module] = {name: path for _, path, name in uses if path != [name]}
        for child in re.findall(r"\bmod\s+(\w+)\s*;", code):
            for there in filter(os.path.exists, (f"{folder}/{child}.rs", f"{folder}/{child}/mod.rs")):
                self.read((*module, child), there, f"{folder}/{child}")

    def defined(self, module, path, seen=()):
        """The module that defines what `path` in `module` names, and the name there. None: another crate does."""
        at = module
        for place, part in enumerate(path):
            if part in ("crate", "super", "self"):
                at = {"crate": (), "super": at[:-1], "self": at}[part]
            elif (*at, part) in self.files:
                at = (*at, part)
            elif part in self.names[at] and (at, part) not in seen:
                return self.defined(at, self.names[at][part] + path[place + 1 :], (*seen, (at, part)))
            else:
                return (at, part) if place else None
        return None  # A module by itself: the paths that begin with it count.

    def ties(self):
        """What each module takes from its siblings: the two files, and the name."""
        ties = defaultdict(lambda: defaultdict(set))
        for module, code in self.code.items():
            written = set(re.findall(r"\w+", code))
            paths = [path for public, path, name in self.uses[module] if not public or name in written]
            paths += [re.split(r"\s*::\s*", path) for path in PATH.findall(code)]
            for there, name in filter(None, (self.defined(module, path) for path in paths)):
                same = len(os.path.commonprefix([module, there]))
                if min(len(module), len(there)) > same:
                    tie = (self.files[module], self.files[there], name)
                    ties[module[: same + 1]][there[: same + 1]].add(tie)
        return ties


def circles(ties):
    """The groups of modules of which each reaches all others."""
    reach = {}
    for start in ties:
        found, waiting = set(), [start]
        while waiting:
            new = set(ties.get(waiting.pop(), ())) - found
            found |= new
            waiting += new
        reach[start] = found
    groups = {tuple(sorted(other for other in found if one in reach.get(other, ()))) for one, found in reach.items()}
    return sorted(groups - {()})


os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
with open("Cargo.toml", encoding="utf-8") as manifest:
    members = re.findall(r'"([^"]+)"', re.search(r"^members = \[([^\]]+)\]", manifest.read(), re.MULTILINE)[1])
files, found = 0, 0
for root in sorted(root for member in members for name in ("lib", "main") for root in glob(f"{member}/src/{name}.rs")):
    crate = Crate(root)
    files += len(crate.files)
    ties = crate.ties()
    for circle in circles(ties):
        found += 1
        print(f"circle in {root}: {', '.join('::'.join(module) for module in circle)}")
        for tie in sorted(tie for one in circle for other in circle for tie in ties[one].get(other, ())):
            print("    {} takes from {}: {}".format(*tie))
print(f"{files} files, {found} circles")
sys.exit(found > 0)
