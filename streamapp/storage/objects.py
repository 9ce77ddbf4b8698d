"""The object store (S3 protocol): originals under `bucket/key`. Sets neither tags nor lifecycle rules."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from io import BytesIO
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from miniopy_async import Minio
from miniopy_async.error import MinioException, S3Error

from streamapp.errors import ObjectMissing, SettingsError, StoreUnavailable
from streamapp.storage.urls import masked

TIMEOUT = ClientTimeout(total=10, sock_connect=2, sock_read=5)
#: An object that is read piece by piece takes as long as its reader wants.
STREAM_TIMEOUT = ClientTimeout(total=None, sock_connect=2, sock_read=5)
CHUNK_BYTES = 64 * 1024
CONNECTIONS = 32
#: What S3 servers answer when there is no such object, nor can there ever be one under this name.
MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "InvalidBucketName", "KeyTooLongError", "XMinioInvalidObjectName"})
OWNED = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
#: The characters that S3 calls safe; not every server can check the signature of a request for others.
_SEGMENT = re.compile(r"[A-Za-z0-9!_.*'()-]+")
#: Some servers keep objects as files, whose names have at most 255 bytes with the suffixes that these servers add.
_SEGMENT_BYTES = 128


class ObjectStore:
    """Puts and gets objects over connections that are kept alive; `async with ObjectStore.connect(url)`."""

    def __init__(self, client: Any, streams: Any, url: str) -> None:
        self._client = client
        self._streams = streams
        self._url = masked(url)

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str) -> AsyncIterator[Self]:
        """Open `http(s)://access:secret@host:port`, and close it at the end.

        Raises:
            SettingsError: the URL is none of an object store.
            StoreUnavailable: the server does not answer or refuses the keys.
        """
        async with AsyncExitStack() as stack:
            clients = []
            for timeout in (TIMEOUT, STREAM_TIMEOUT):
                session = ClientSession(connector=TCPConnector(limit=CONNECTIONS), timeout=timeout)
                clients.append(_client(url, await stack.enter_async_context(session)))
            store = cls(clients[0], clients[1], url)
            await store.ping()
            yield store

    async def ping(self) -> None:
        """Ask the server for an answer.

        Raises:
            StoreUnavailable: it does not answer or refuses the keys.
        """
        with self._errors():
            await self._client.list_buckets()

    async def ensure_bucket(self, name: str) -> None:
        """Make the bucket unless it is there. Safe to call from many workers at once.

        Raises:
            StoreUnavailable: the server does not answer.
        """
        with self._errors():
            if await self._client.bucket_exists(name):
                return
            try:
                await self._client.make_bucket(name)
            except S3Error as error:
                if error.code not in OWNED:  # else another worker was faster
                    raise

    async def put(self, path: str, data: bytes, content_type: str) -> None:
        """Write an object, whatever was there before, in one request.

        Raises:
            StoreUnavailable: the server did not say that it has the object.
        """
        with self._errors():
            bucket, key = split(path)
            await self._client.put_object(
                bucket, key, BytesIO(data), len(data), content_type=content_type, part_size=len(data)
            )

    async def get(self, path: str) -> bytes:
        """Read an object.

        Raises:
            ObjectMissing: there is none under this path, or there cannot be.
            StoreUnavailable: the server does not answer.
        """
        with self._errors(path):
            async with await self._client.get_object(*split(path)) as response:
                data: bytes = await response.read()
                return data

    @asynccontextmanager
    async def open(self, path: str, offset: int = 0, length: int = 0) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of an object, or of `length` bytes of it from `offset`; iterating may raise StoreUnavailable.

        Raises:
            ObjectMissing: there is none under this path.
            StoreUnavailable: the server does not answer.
        """
        with self._errors(path):
            response = await self._streams.get_object(*split(path), offset=offset, length=length)
        try:
            yield self._pieces(response)
        finally:
            response.close()

    async def _pieces(self, response: Any) -> AsyncIterator[bytes]:
        while True:
            with self._errors():
                piece: bytes = await response.content.read(CHUNK_BYTES)
            if not piece:
                return
            yield piece

    @contextmanager
    def _errors(self, path: str = "") -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            if path and error.code in MISSING:
                raise ObjectMissing(f"the object store has no {path}") from error
            raise StoreUnavailable(f"the object store at {self._url} does not answer: {error}", "objects") from error
        except (MinioException, ClientError, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise StoreUnavailable(f"the object store at {self._url} does not answer: {reason}", "objects") from error


def _client(url: str, session: ClientSession) -> Any:
    parts = urlsplit(url)
    try:
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError
        return Minio(
            parts.netloc.rpartition("@")[2],
            access_key=unquote(parts.username) if parts.username else None,
            secret_key=unquote(parts.password or ""),
            secure=parts.scheme == "https",
            session=session,
        )
    except ValueError:
        raise SettingsError("STREAMAPP_OBJECT_STORE_URL is not http(s)://access:secret@host:port") from None


def split(path: str) -> tuple[str, str]:
    """Bucket and key of `bucket/key`.

    Raises:
        ObjectMissing: no object can have this path; asking a server for it may fail in ways that seem to pass.
    """
    bucket, _, key = path.partition("/")
    wrong = any(
        part in (".", "..") or len(part) > _SEGMENT_BYTES or not _SEGMENT.fullmatch(part) for part in key.split("/")
    )
    if wrong or not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise ObjectMissing(f"{path[:100]!r} is not the path of an object (bucket/key)")
    return bucket, key
