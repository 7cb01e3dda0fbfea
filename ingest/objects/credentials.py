"""Credentials for object storage, from the places where the field's tools look, and never anywhere else.

S3: AWS_ACCESS_KEY_ID and like; else the profile AWS_PROFILE (or "default") of ~/.aws/credentials and ~/.aws/config
(AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE); a profile that needs a login, a role or a program is resolved by boto3,
where that is installed; else what the container, the cluster or the machine provides. The endpoint is
AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the profile's endpoint_url, plain http only where it says so; the region
AWS_REGION, AWS_DEFAULT_REGION or the profile's. Google: GOOGLE_APPLICATION_CREDENTIALS, gcloud's default login, the
machine. Azure: AZURE_STORAGE_ACCOUNT_NAME with _ACCOUNT_KEY, _SAS_TOKEN or AZURE_CLIENT_ID and like.

Nothing of it is logged, put into a message, or written; it is read anew when a server has refused it.
"""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.errors import ObjectsUnavailable
from ingest.objects.address import Address

PLACES = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE with ~/.aws/credentials and ~/.aws/config, "
    "the machine's role; AWS_ENDPOINT_URL and AWS_REGION name the server",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, gcloud's default login, the machine's account",
    "az": "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, AZURE_CLIENT_ID",
}
"""Where credentials are looked for, by scheme; for messages."""

_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_ELSEWHERE = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_INDIRECT = ("role_arn", "source_profile", "sso_session", "sso_start_url", "credential_process", "login_session")


def connect(address: Address, client: Any, retry: Any) -> Any:
    """An obstore store of the address's bucket, with the prefix; makes no request.

    Args:
        client: obstore's ClientConfig: time-outs.
        retry: obstore's RetryConfig.

    Raises: ObjectsUnavailable: obstore isn't installed, or a profile can't be used.
    """
    try:
        from obstore.store import AzureStore, GCSStore, S3Store
    except ImportError as error:
        message = f"{address.shown} needs obstore, which isn't installed: pip install 'steplog[cloud]'"
        raise ObjectsUnavailable(message, transient=False) from error
    prefix = address.prefix or None
    try:
        if address.scheme == "gs":
            return GCSStore(address.bucket, prefix=prefix, client_options=client, retry_config=retry)
        if address.scheme == "az":
            named: Any = {"account_name": _azure_account(address, os.environ)}
            return AzureStore(address.bucket, prefix=prefix, config=named, client_options=client, retry_config=retry)
        config, provider = _s3(address, os.environ)
        if str(config.get("endpoint", "")).startswith("http://"):
            client = {**client, "allow_http": True}
        return S3Store(
            address.bucket,
            prefix=prefix,
            config=config,
            client_options=client,
            retry_config=retry,
            credential_provider=provider,
        )
    except ObjectsUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - obstore's own types, of settings that make no sense to it
        from ingest.objects.refusals import refused

        raise refused(address, "open it", error, transient=False) from None  # its text and locals may hold secrets


def _azure_account(address: Address, environment: Mapping[str, str]) -> str:
    account = address.account or environment.get("AZURE_STORAGE_ACCOUNT_NAME") or environment.get("AZURE_ACCOUNT_NAME")
    if not account:
        message = (
            f"{address.shown} can't be opened: which account? Set AZURE_STORAGE_ACCOUNT_NAME, or give the address as "
            f"abfss://{address.bucket}@ACCOUNT.dfs.core.windows.net/{address.prefix}"
        )
        raise ObjectsUnavailable(message, transient=False)
    return account


def _s3(address: Address, environment: Mapping[str, str]) -> tuple[Any, Any]:
    """(config, credential provider) beyond what obstore takes from the environment."""
    profile, name = _profile(address, environment)
    config: dict[str, Any] = {}
    endpoint = (
        environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or profile.get("endpoint_url")
    )
    if endpoint:
        config["endpoint"] = endpoint.rstrip("/")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or profile.get("region")
    if region:
        config["region"] = region
    if environment.get("AWS_ACCESS_KEY_ID") or environment.get("AWS_SKIP_SIGNATURE"):
        return config, None
    if all(profile.get(key) for key in _KEYS[:2]):
        return config | {key: profile[key] for key in _KEYS if profile.get(key)}, None
    if any(profile.get(key) for key in _INDIRECT):
        return config, _by_boto3(address, name)
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true" and not any(map(environment.get, _ELSEWHERE)):
        message = f"{address.shown} can't be opened: no credentials were found: looked at {PLACES['s3']}"
        raise ObjectsUnavailable(message, transient=False)
    return config, None


def _profile(address: Address, environment: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """What the two files say of the profile, credentials before config; and its name."""
    name = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    home = Path.home() / ".aws"
    config = Path(environment.get("AWS_CONFIG_FILE") or home / "config").expanduser()
    credentials = Path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials").expanduser()
    found: dict[str, str] = {}
    for path, section in ((config, name if name == "default" else f"profile {name}"), (credentials, name)):
        parsed = configparser.RawConfigParser(strict=False)
        try:
            parsed.read(path, encoding="utf-8")
        except (OSError, ValueError, configparser.Error) as error:
            what = f"{path} can't be read as a file of profiles ({type(error).__name__})"  # its text may be a secret
            raise ObjectsUnavailable(f"{address.shown} can't be opened: {what}", transient=False) from None
        if parsed.has_section(section):
            found |= {key: value.strip() for key, value in parsed.items(section)}
    if not found and environment.get("AWS_PROFILE") and not environment.get("AWS_ACCESS_KEY_ID"):
        message = (
            f"{address.shown} can't be opened: AWS_PROFILE names {name!r}, which neither {credentials} nor {config} has"
        )
        raise ObjectsUnavailable(message, transient=False)
    return found, name


def _by_boto3(address: Address, profile: str) -> Any:
    """Let boto3 resolve a profile, and renew what it gives."""
    try:
        import boto3
        from obstore.auth.boto3 import Boto3CredentialProvider

        return Boto3CredentialProvider(boto3.session.Session(profile_name=profile))
    except ImportError as error:
        message = (
            f"{address.shown} can't be opened: the profile {profile!r} needs a login, a role or a program, which takes "
            "boto3: pip install boto3; or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
        raise ObjectsUnavailable(message, transient=False) from error
    except Exception as error:  # noqa: BLE001 - boto3's many types, and raised again
        from ingest.objects.refusals import refused

        raise refused(address, f"resolve the profile {profile!r}", error, transient=False) from None
