"""The HTTP application of a finished run: predictions, what the model is, health, metrics, and a page for people."""

import asyncio
import concurrent.futures
import contextlib
import functools
import pathlib
import tempfile
import time

import fastapi
import msgspec
import numpy as np
import prometheus_client
from fastapi import responses

import hornbook
from hornbook import UserError
from hornbook.evaluation import conformal, scores
from hornbook.inference.serve import bodies, computing, guards, page
from hornbook.inference.serve.batching import Batcher
from hornbook.inference.serve.guards import Refused, Settings

_READERS = 4  # Threads that unpack images and tables; each may hold one large body.
# Bytes of a body that is read where it comes in, being read sooner than a thread begins to; but not images that are packed.
_SMALL = 2**14


def create(served, settings=None):
    """A `fastapi.FastAPI` that answers with a run's model.

    Args:
        served: `computing.Served`.
        settings: `Settings`.
    """
    settings, measures = settings or Settings(), _Measures()
    batcher = Batcher(
        computing.function(served, settings.batch_size),
        most=settings.batch_size,
        waiting=settings.max_waiting,
        measure=measures.batches.observe,
    )
    readers = concurrent.futures.ThreadPoolExecutor(_READERS, thread_name_prefix="reader")

    @contextlib.asynccontextmanager
    async def lifespan(app):
        guards.limit_pixels(settings.max_pixels)
        # One for all requests: to make one takes as long as a small network.
        with tempfile.TemporaryDirectory(prefix="hornbook-serve-") as folder:
            app.state.folder = pathlib.Path(folder)
            yield
            batcher.close()
            readers.shutdown()

    # No /docs of FastAPI's own, whose page loads scripts from other machines.
    app = fastapi.FastAPI(title="Hornbook", version=hornbook.__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    about, medium = served.trained.about, served.trained.about["medium"]

    async def predictions(request: fastapi.Request):
        """Predict one input or many: a JSON list of them, or a file as the body."""
        try:
            async with asyncio.timeout(settings.seconds):
                content = await guards.body(request, settings.max_bytes)
                kind = request.headers.get("content-type", "")
                read = functools.partial(bodies.read, content, kind, served.trained, served.medium, settings.max_inputs, app.state.folder)
                here = len(content) <= _SMALL and bodies.is_plain(kind, medium)
                named = read() if here else await asyncio.get_running_loop().run_in_executor(readers, read)
                try:
                    rows = await asyncio.wrap_future(batcher.submit([one for _, one in named]))
                except UserError as error:
                    raise Refused(422, str(error)) from error
        except TimeoutError:
            raise Refused(503, f"the request took longer than {settings.seconds:g} s; send fewer inputs, or try again later") from None
        measures.inputs.inc(len(rows))
        found = [{"name": name, **_said(row, about)} for (name, _), row in zip(named, rows, strict=True)]
        return responses.Response(msgspec.json.encode({"predictions": found}), media_type="application/json")

    app.post("/predict", openapi_extra=_described(medium), response_model=None)(predictions)
    app.add_middleware(_Guarded, settings=settings, measures=measures, predictions=predictions)

    @app.get("/about")
    async def described():
        """What the model takes and says."""
        names = {name: about.get(name) for name in ("medium", "task", "class_names", "target_names", "quantiles", "feature_names")}
        return {name: value for name, value in names.items() if value} | {
            "accepted": bodies.accepted(medium),
            "max_bytes": settings.max_bytes,
        }

    @app.get("/health")
    async def health():
        return {"status": "ok"}

    @app.get("/metrics", response_class=responses.PlainTextResponse)
    async def metrics():
        return responses.Response(measures.text(), media_type=prometheus_client.CONTENT_TYPE_LATEST)

    @app.get("/", response_class=responses.HTMLResponse, include_in_schema=False)
    async def index():
        content, policy = page.page(served.trained.folder.name, about, bodies.accepted(medium), settings)
        return responses.HTMLResponse(content, headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"})

    return app


def _said(row, about):
    """What the row of one input says, JSON values; with prediction sets or intervals where the run promises a coverage."""
    promised = conformal.named(about, row)
    if about["task"] == "regression":
        names = [f"quantile {one:g}" for one in about["quantiles"]] if about.get("quantiles") else about["target_names"]
        return {"values": {name: float(value) for name, value in zip(names, row, strict=True)}, **promised}
    probabilities = {name: float(value) for name, value in zip(about["class_names"], row, strict=True)}
    if about["task"] == "multi-label":
        limits = about.get("thresholds") or [0.5] * len(row)
        said = [name for name, value, limit in zip(about["class_names"], row, limits, strict=True) if value > limit]
        return {"labels": said, "probabilities": probabilities, **promised}
    return {"class": about["class_names"][int(scores.ranked(about, np.asarray(row))[0])], "probabilities": probabilities, **promised}


def _refusal(error):
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}.get(error.status, {})
    if error.status == 413:
        headers = {"Connection": "close"}  # What is left of the body is not read.
    return responses.JSONResponse({"detail": " ".join(error.reason.split())}, status_code=error.status, headers=headers)


def _described(medium):
    """The body of /predict in the schema."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in bodies.accepted(medium)}
    return {"requestBody": {"required": True, "content": {**content, "application/json": {"schema": bodies.schema(medium)}}}}


class _Guarded:
    """What stands before the application: strangers are refused, and requests are counted, with the seconds that they took.

    ASGI as it is: Starlette's own class for this starts a task and two queues a request. And predictions are made here: the way through
    FastAPI and what it puts before its routes takes as long as a network for small images.

    Args:
        app: the application behind it.
        settings: `Settings`.
        measures: `_Measures`.
        predictions: function of a `fastapi.Request` to the answer of POST /predict.
    """

    def __init__(self, app, settings, measures, predictions):
        self._app, self._settings, self._measures, self._predictions = app, settings, measures, predictions

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 500

        async def noted(message):
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            try:
                request = fastapi.Request(scope, receive)
                guards.refuse_strangers(request, self._settings)
                own = (scope["method"], scope["path"]) == ("POST", "/predict")
                answer = await self._predictions(request) if own else self._app
            except Refused as error:
                answer = _refusal(error)
            await answer(scope, receive, noted)
        finally:
            self._measures.answered(status, time.monotonic() - started)


class _Measures:
    """What Prometheus asks for, of one server."""

    def __init__(self):
        self._registry = prometheus_client.CollectorRegistry()
        own = {"registry": self._registry}
        self._requests = prometheus_client.Counter("hornbook_requests", "Requests by their status.", ["status"], **own)
        self._seconds = prometheus_client.Histogram("hornbook_request_seconds", "Seconds from a request to its answer.", **own)
        self.inputs = prometheus_client.Counter("hornbook_inputs", "Inputs that were predicted.", **own)
        sizes = (1, 2, 4, 8, 16, 32, 64, 128, 256)
        self.batches = prometheus_client.Histogram("hornbook_batch_size", "Inputs that were computed at once.", buckets=sizes, **own)

    def answered(self, status, seconds):
        self._requests.labels(str(status)).inc()
        self._seconds.observe(seconds)

    def text(self):
        return prometheus_client.generate_latest(self._registry)
