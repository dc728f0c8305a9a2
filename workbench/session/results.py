"""What a port makes of a picture: by the originals, and with the session's engine in the place of its own part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.config.variables import Params, parameters
from workbench.engines.build import load_network
from workbench.errors import WorkbenchError
from workbench.ports import get_port
from workbench.ports.base import Part, Port
from workbench.ports.common.pictures import Picture
from workbench.ports.networks import Network, Networks, Original
from workbench.progress import Progress, silent

if TYPE_CHECKING:
    from workbench.session.session import Session


class Results(NamedTuple):
    """Of both sides, in the form in which the port returns them."""

    picture: Picture
    reference: Any
    engine: Any


def both_results(session: Session, picture: Picture | None = None, progress: Progress = silent) -> Results:
    """A port's results for a picture, by default its sample; the engine is built from the text as it stands.

    Of a port of several parts only the session's own differs; the others are their originals, with their default
    weights, on both sides. Raises WorkbenchError where the session is of no port, or its text has errors.
    """
    if session.made_by is None:
        raise WorkbenchError(
            "nothing says what the outputs of this session mean in a picture",
            note="Session.of_port(...) knows its port; else give both results to workbench.ui.mask_view.MaskView",
        )
    port, part = get_port(session.made_by[0]), session.made_by[1]
    given, others = picture if picture is not None else port.sample(), Networks(port, original=True)
    found = []
    with others:
        for engine in progress([False, True], "running on the picture", 2):
            side = _Side(session, port, port.part(part), others, engine)
            try:
                found.append(port.infer(side, given))  # type: ignore[arg-type]
            finally:
                side.close()
    return Results(given, *found)


@dataclass
class _Side:
    """A port's Networks as its pipeline sees them, with the session's model or its engine as one of them."""

    session: Session
    port: Port
    part: Part
    others: Networks
    engine: bool
    _opened: dict[tuple[tuple[str, str], ...], Network] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, str]:
        """The $NAMEs that differ from the part's own; the batch is that of the part, whose pipeline knows it."""
        own = self.part.params
        return {k: v for k, v in self.session.params.items() if own.get(k) != v and k != "BATCH_SIZE"}

    def open(self, name: str = "", params: Params = None) -> Network:
        part = self.port.part(name)
        if part.name != self.part.name:
            return self.others.open(name, params)
        given = {**part.params, **self.params, **parameters(params)}
        key = tuple(sorted(given.items()))
        if key not in self._opened:
            self._opened[key] = self._built(given) if self.engine else Original(part, given, model=self.session.model)
        return self._opened[key]

    def _built(self, params: dict[str, str]) -> Network:
        session = self.session
        network = load_network(session.document, params, session.weights().values)
        return network.build(session.engine, session.precision, threads=session.threads)

    def close(self) -> None:
        while self._opened:
            self._opened.popitem()[1].close()
