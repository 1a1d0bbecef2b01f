"""Packages that share their name with a public function: ``isoclr.atlas`` and ``isoclr.variants``."""

import inspect
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """A package that is called like the function of its own name in its module of that name.

    Importing ``isoclr.variants.vcf`` sets ``isoclr.variants`` to the package. With this class, which the package gives
    itself by ``sys.modules[__name__].__class__ = CallablePackage``, ``isoclr.variants(...)`` works all the same.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._function()(*args, **options)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function())

    def _function(self) -> Callable[..., Any]:
        name = self.__name__.rpartition(".")[2]
        function: Callable[..., Any] = getattr(import_module(f"{self.__name__}.{name}"), name)
        return function
