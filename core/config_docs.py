"""What the fields of a config dataclass or an enum mean, read from the strings under them."""

import ast
import functools
import inspect
from dataclasses import is_dataclass
from itertools import pairwise


@functools.cache
def field_docs(config_class: type) -> dict[str, str]:
    """Return field name → the explanation written under it, as one line; inherited ones too."""
    inherited = (field_docs(base) for base in config_class.__bases__ if is_dataclass(base))
    docs = {name: words for of_base in inherited for name, words in of_base.items()}
    tree = ast.parse(inspect.getsource(config_class))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(explanation))),
            ):
                docs[name] = " ".join(explanation.split())
    return docs
