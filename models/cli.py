"""The commands `python -m models...`: their help is shown as it is written, and a mistake is told in one line.

    @command("models.dino.render", __doc__)
    @click.argument("folder", type=PATH)
    def main(folder: Path) -> None: ...

    if __name__ == "__main__":
        sys.exit(main())

The exit code is 1 for a mistake, 2 for wrong usage, 130 for Ctrl-C, otherwise what the function returns, or 0.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from models.offscreen import NoDisplayError

FAILED: Final = 1
INTERRUPTED: Final = 130
PATH: Final = click.Path(path_type=Path)
"""Type of a file or folder."""
ROBOT: Final = "'agentspace[robot]'"
_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 115}


class _CommandLine(click.Command):
    def __init__(self, name: str, needs: str = ROBOT, interrupted: str = "interrupted", **others: Any) -> None:
        super().__init__(name, context_settings=dict(_SETTINGS), **others)
        self._needs, self._interrupted = needs, interrupted

    def __call__(self, arguments: Sequence[str] | None = None) -> int:
        try:
            return self.main(arguments, f"python -m {self.name}", standalone_mode=False) or 0
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except click.Abort:
            return INTERRUPTED

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ImportError as error:
            return self._failed(f"{error}; pip install {self._needs}")
        except (ValueError, OSError, FloatingPointError, NoDisplayError) as error:
            return self._failed(error)
        except KeyboardInterrupt as interrupt:
            click.echo(str(interrupt) or self._interrupted, err=True)
            return INTERRUPTED

    def _failed(self, why: object) -> int:
        click.echo(f"{self.name}: {why}", err=True)
        return FAILED

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"\n{(self.help or '').strip()}\n")


class _CommandGroup(_CommandLine, click.Group):
    pass


def command(
    name: str, text: str | None, needs: str = ROBOT, interrupted: str = "interrupted"
) -> Callable[[Callable[..., Any]], _CommandLine]:
    """Makes a function a command that is run from a shell, or called with arguments: then it gives the exit code.

    Args:
        name: The module that is run.
        text: The help: the docstring of the module.
        needs: What to install if a library is missing, as `pip install` takes it.
        interrupted: What is told after Ctrl-C, if the `KeyboardInterrupt` says nothing.
    """
    return click.command(name, _CommandLine, help=text, needs=needs, interrupted=interrupted)


def group(name: str, text: str | None, **more: str) -> Callable[[Callable[..., Any]], _CommandGroup]:
    """Makes a function a command with others below it; the arguments are those of `command`."""
    return click.command(name, _CommandGroup, help=text, **more)
