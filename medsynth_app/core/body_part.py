"""DICOM's codes for parts of the body, as people say them."""

from __future__ import annotations

from medsynth_app.core.words import _

# PS3.16, Annex L: those that images are usually of
_WORDS = {
    "ABDOMEN": _("abdomen"), "ABDOMENPELVIS": _("abdomen and pelvis"), "ANKLE": _("ankle"), "AORTA": _("aorta"),
    "ARM": _("arm"), "BLADDER": _("bladder"), "BRAIN": _("brain"), "BREAST": _("breast"), "CHEST": _("chest"),
    "CHESTABDOMEN": _("chest and abdomen"), "CHESTABDPELVIS": _("chest, abdomen and pelvis"), "COLON": _("colon"),
    "CSPINE": _("cervical spine"), "ELBOW": _("elbow"), "EXTREMITY": _("limb"), "EYE": _("eye"), "FACE": _("face"),
    "FEMUR": _("femur"), "FOOT": _("foot"), "HAND": _("hand"), "HEAD": _("head"), "HEADNECK": _("head and neck"),
    "HEART": _("heart"), "HIP": _("hip"), "JAW": _("jaw"), "KIDNEY": _("kidney"), "KNEE": _("knee"), "LEG": _("leg"),
    "LIVER": _("liver"), "LSPINE": _("lumbar spine"), "LUNG": _("lung"), "NECK": _("neck"), "PANCREAS": _("pancreas"),
    "PELVIS": _("pelvis"), "PROSTATE": _("prostate"), "SHOULDER": _("shoulder"), "SKULL": _("skull"),
    "SPINE": _("spine"), "THORAX": _("chest"), "THYROID": _("thyroid"), "TSPINE": _("thoracic spine"),
    "UTERUS": _("uterus"), "WHOLEBODY": _("whole body"), "WRIST": _("wrist"),
}


def in_words(code: str) -> str:
    """A Defined Term of Body Part Examined (0018,0015) in words; empty for anything else, which may be free text."""
    return _WORDS.get(code.upper().replace(" ", "").replace("_", ""), "")
