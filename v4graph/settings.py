"""All settings, read once at start and passed on; nothing else reads the environment."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one instance; each is an environment variable with the prefix ``V4GRAPH_``."""

    model_config = SettingsConfigDict(env_prefix="V4GRAPH_", frozen=True, extra="forbid")

    base_iri: str = Field("https://w3id.org/v4graph/", description="base of all IRIs; ends with a slash")
    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("v4graph", appauthor=False)),
        description="folder with the ledger and the store; the one thing to back up",
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 picks a free one")
    readers: int = Field(
        default_factory=lambda: max(2, os.cpu_count() or 2), ge=1, le=64, description="reader processes"
    )
    query_seconds: float = Field(30.0, gt=0, description="deadline of a query, in seconds")
    reader_memory_mb: int = Field(1024, ge=64, description="memory one reader may use beyond its start, in MB")
    result_mb: int = Field(256, ge=1, description="largest answer, in MB")
    query_kb: int = Field(256, ge=1, description="longest query, in kB")
    upload_mb: int = Field(64, ge=1, description="largest document that is parsed, in MB")
    upload_seconds: float = Field(60.0, gt=0, description="deadline for parsing one document, in seconds")
    client_queries: int = Field(32, ge=1, description="queries one client may have under way")
    total_queries: int = Field(128, ge=1, description="queries under way in all, waiting ones included")
    cache_mb: int = Field(64, ge=0, description="memory for answers that were asked before, in MB")
    cors_origins: str = Field("*", description="origins that may read answers in a browser, separated by spaces")
    log_level: str = Field("info", description="critical, error, warning, info or debug")

    @field_validator("base_iri")
    @classmethod
    def _base_ends_with_slash(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")) or not value.endswith("/"):
            raise ValueError("the base IRI starts with http:// or https:// and ends with a slash")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in {"critical", "error", "warning", "info", "debug"}:
            raise ValueError("the log level is critical, error, warning, info or debug")
        return value.lower()
