"""sitecustomize - makes the first call of litellm's completion raise one of litellm's exceptions.

SPDX-License-Identifier: MPL-2.0

Some classes no answer of a server brings about: they are raised by litellm's own checks, or by
providers that cannot be played. With this folder in PYTHONPATH and $TEST_LITELLM_RAISES naming a
class, the real AIDER meets the real class, once; every later call goes to the server.
"""

import importlib.abc
import importlib.util
import inspect
import os
import sys

VALUES = {"message": "said by a test", "llm_provider": "openai", "model": "openai/fake",
          "status_code": 418, "current_cost": 1.5, "max_budget": 1.0, "raw_response": "{}",
          "schema": "{}", "cooldown_time": 12.5, "enable_pre_call_checks": False,
          "cooldown_list": []}


def instance(module, name):
    """An exception of this class, made as litellm makes it."""
    kind = getattr(module, name)
    wanted = inspect.signature(kind.__init__).parameters
    values = {key: value for key, value in VALUES.items()
              if key in wanted and (wanted[key].default is wanted[key].empty)}
    if "response" in wanted:
        import httpx
        values["response"] = httpx.Response(418, request=httpx.Request("POST", "http://fake"))
    if "original_exception" in wanted:
        values["original_exception"] = RuntimeError(VALUES["message"])
    return kind(**values)


def put_aside(loader):
    """Have the loader of litellm replace completion once the module is there."""
    load = loader.exec_module

    def exec_module(module):
        load(module)
        real = module.completion
        left = [os.environ["TEST_LITELLM_RAISES"]]

        def completion(*args, **kwargs):
            if left:
                raise instance(module, left.pop())
            return real(*args, **kwargs)

        module.completion = completion

    loader.exec_module = exec_module


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "litellm":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            put_aside(spec.loader)
        return spec


if os.environ.get("TEST_LITELLM_RAISES"):
    sys.meta_path.insert(0, Finder())
