"""The errors that this server answers with, and those that keep it from starting."""

from __future__ import annotations

from local.errors import LocalError


class StartError(LocalError):
    """The server cannot start: the message names what is missing or taken, and the cure."""


class DriverError(LocalError):
    """The Spark driver did not come up."""


class ApiError(LocalError):
    """A request is answered with an HTTP status and the body `{"error_code", "message"}`, as the real API does."""

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message


class InvalidParameterError(ApiError):
    """A field of the request is missing, malformed, or asks for something that is not supported here (400)."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "INVALID_PARAMETER_VALUE", message)


class MalformedRequestError(ApiError):
    """The request is no JSON, or its JSON has another form than the API's (400)."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "MALFORMED_REQUEST", message)


class UnknownRunError(ApiError):
    """No run has this id: 400, as the real API. The SDK turns this very wording into ResourceDoesNotExist."""

    def __init__(self, run_id: int) -> None:
        super().__init__(400, "INVALID_PARAMETER_VALUE", f"Run {run_id} does not exist.")


class UnknownJobError(ApiError):
    """No job has this id: 400, as the real API."""

    def __init__(self, job_id: int) -> None:
        super().__init__(400, "INVALID_PARAMETER_VALUE", f"Job {job_id} does not exist.")


class InvalidStateError(ApiError):
    """The request does not fit the run's state (400)."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "INVALID_STATE", message)


class UnknownEndpointError(ApiError):
    """The path or method is not served here (404)."""

    def __init__(self, method: str, path: str, served: str) -> None:
        super().__init__(
            404,
            "ENDPOINT_NOT_FOUND",
            f"No API found for '{method} {path}'. The local Databricks API serves only: {served}.",
        )
