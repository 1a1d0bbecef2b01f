"""Packages that are called as the command of the same name, such as ``isoclr.atlas(...)``."""

from importlib import import_module
from inspect import Signature, signature
from types import ModuleType
from typing import Any


class CommandPackage(ModuleType):
    """A package; a call of it is a call of the function ``isoclr.NAME.NAME.NAME``.

    Importing anything of a package makes it an attribute of ``isoclr``, where the function of the same name was. A
    package sets this class as its own: ``sys.modules[__name__].__class__ = CommandPackage``.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._function(*args, **kwargs)

    @property
    def __signature__(self) -> Signature:
        """Parameters of the function."""
        return signature(self._function)

    @property
    def _function(self) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module(f"{self.__name__}.{name}"), name)
