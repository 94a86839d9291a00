"""What the demonstration shows in the terminal: steps, QR codes, addresses."""

import io

import segno
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

console = Console(highlight=False)


def step(text: str) -> None:
    """Say that a step is done."""
    console.print(f"[green]✓[/] {text}")


def heading(text: str) -> None:
    """Begin a part."""
    console.print(f"\n[bold]{text}[/]")


def show_qr(title: str, text: str) -> None:
    """Draw a QR code as firmware draws it on its console, with the text below for who can't scan."""
    drawn = io.StringIO()
    segno.make_qr(text, error="m").terminal(out=drawn, border=4, compact=True)
    console.print(Panel(Text.from_ansi(drawn.getvalue()), title=title, expand=False))
    console.print(text, soft_wrap=True, style="cyan")
