"""Under whom and where the exports of one DICOM series are filed: the same today and next year, in this workspace."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID, uuid5

from medsynth_app.core.files import short_code
from medsynth_app.core.image import ImageInfo


@dataclass(frozen=True)
class ExportIdentity:
    """A synthetic patient with one study and series, derived from the source's and the workspace's secret.

    Attributes
    ----------
    patient_id
        ``SYN-`` and a code.
    study, series, frame_of_reference
        UIDs.
    synthetic
        Whether the series holds generated pixels; a copy in which nothing was changed is a series beside it.
    secret
        Namespace of UIDs that only this workspace can make.
    """

    patient_id: str
    study: str
    series: str
    frame_of_reference: str
    synthetic: bool
    secret: UUID

    def instance(self, content: str) -> str:
        """SOP Instance UID of what `content` tells from everything else: equal content has an equal one."""
        return _uid(self.secret, f"instance {self.series} {content}")


def export_identity(info: ImageInfo, salt: bytes, synthetic: bool = True) -> ExportIdentity:
    """Of an image that was read with the secret `salt`: nothing leads back from it without that secret.

    What the file does not say is taken from what it does, at last from the identity of its first frame.
    """
    secret = UUID(bytes=hashlib.blake2b(salt, digest_size=16, person=b"medsynth export").digest())
    whose = info.identity
    series = whose.series or info.frames[0].key.source
    study = whose.study or series
    patient = uuid5(secret, f"patient {whose.patient or study}")
    return ExportIdentity(
        f"SYN-{short_code(patient.bytes)}", _uid(secret, f"study {study}"),
        _uid(secret, f"{'synthetic' if synthetic else 'unchanged'} series {series}"),
        _uid(secret, f"frame of reference {info.frame_of_reference or series}"), synthetic, secret)


def _uid(secret: UUID, name: str) -> str:
    """A UID of the root for UUIDs: PS3.5, B.2."""
    return f"2.25.{uuid5(secret, name).int}"
