"""Every metric by name, in plain words. The only part of this package that the window's side imports, so: no NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MetricEntry:
    """One metric, as a person is told of it.

    Attributes
    ----------
    name
        Of the function, or of the field of its result, that gives it.
    title
        Two or three words for a heading.
    help
        What it says and what it does not, for somebody who has never heard of it.
    better
        Which direction is good.
    needs
        What must be at hand: "real", "synthetic", "train", "held-out", "encoder", "labels", "masks", "painted".
    source
        Where it was published; empty for plain arithmetic.
    """

    name: str
    title: str
    help: str
    better: Literal["lower", "higher"]
    needs: tuple[str, ...]
    source: str = ""


_SETS = ("real", "synthetic", "encoder")
_NAMED = ("real", "labels")
_MASKS = ("real", "synthetic", "masks")

METRICS: tuple[MetricEntry, ...] = (
    MetricEntry("frechet_distance", "Frechet distance",
                "How far the synthetic images as a whole lie from the real ones, as the encoder sees them. Read it "
                "only beside the distance that real images have from real images at the same number: few images "
                "always look far apart. Not given below 50 images a side.",
                "lower", _SETS, "Heusel et al. 2017, arXiv 1706.08500"),
    MetricEntry("kernel_distance", "Kernel distance",
                "The same question, asked so that the number of images does not shift the answer: prefer it below "
                "about 1,000 images. About 0 means that no difference was found.",
                "lower", _SETS, "Binkowski et al. 2018, arXiv 1801.01401"),
    MetricEntry("patch_distance", "Distance of patches",
                "How far small patches of the synthetic images, from grain to layout, lie from those of real ones, in "
                "standard deviations. No encoder is needed, and none can be fooled; classes and anatomy are not seen. "
                "Read it beside the distance that as many real images have.",
                "lower", ("real", "synthetic"), "Karras et al. 2018, arXiv 1710.10196, section 5"),
    MetricEntry("precision", "Precision",
                "Share of synthetic images that lie among the real ones: do they look real? Says nothing about "
                "variety: the same good image a hundred times has full precision.",
                "higher", _SETS, "Kynkaanniemi et al. 2019, arXiv 1904.06991"),
    MetricEntry("recall", "Recall",
                "Share of real images that lie among the synthetic ones: is every kind of real image made?",
                "higher", _SETS, "Kynkaanniemi et al. 2019, arXiv 1904.06991"),
    MetricEntry("density", "Density",
                "As precision, but a single odd real image cannot inflate it. About 1 for real images; may exceed 1 "
                "where synthetic images crowd round the most typical ones.",
                "higher", _SETS, "Naeem et al. 2020, arXiv 2002.09797"),
    MetricEntry("coverage", "Coverage",
                "Share of real images that have a synthetic one close by, and the steadier of the two measures of "
                "variety. Depends on the number of images: compare sets of equal size.",
                "higher", _SETS, "Naeem et al. 2020, arXiv 2002.09797"),
    MetricEntry("memorisation", "Memorisation",
                "Share of synthetic images that are nearer to a training image than nearly all unseen real images "
                "are. As many as chance gives, usually 1 in 100, is expected; more means that patients may be "
                "recognisable. An indicator, never a proof of privacy: look at the closest pairs.",
                "lower", ("synthetic", "train", "held-out", "encoder"), "Dar et al. 2024, arXiv 2402.01054"),
    MetricEntry("knn_accuracy", "Neighbour vote",
                "How often the nearest known images name the class of a new one: are like images near each other for "
                "this encoder?",
                "higher", ("real", "labels", "encoder"), "Wu et al. 2018, arXiv 1805.01978"),
    MetricEntry("linear_probe", "Linear probe",
                "How often a simple classifier on top of the encoder names the class rightly.",
                "higher", ("real", "labels", "encoder"), "Alain and Bengio 2016, arXiv 1610.01644"),
    MetricEntry("accuracy", "Accuracy",
                "Share of right answers. Misleading where one class is common: naming always that one scores well.",
                "higher", _NAMED),
    MetricEntry("balanced_accuracy", "Balanced accuracy",
                "Mean share of right answers per class, so that rare classes count as much as common ones.",
                "higher", _NAMED, "Brodersen et al. 2010, doi 10.1109/ICPR.2010.764"),
    MetricEntry("macro_f1", "Macro F1",
                "Per class the balance between finding all and naming no others, then the mean over classes.",
                "higher", _NAMED),
    MetricEntry("per_class_recall", "Recall per class",
                "For each class the share that was named rightly, with its number and interval.",
                "higher", _NAMED, "interval: Wilson 1927"),
    MetricEntry("cohen_kappa", "Cohen's kappa",
                "How far two people who named the same cells agree beyond what chance would give: 1 is full agreement, "
                "0 is chance. Not given below 20 cells.",
                "higher", ("labels",), "Cohen 1960, doi 10.1177/001316446002000104"),
    MetricEntry("fleiss_kappa", "Fleiss' kappa",
                "As Cohen's, for more than two people, not all of whom need have named every cell.",
                "higher", ("labels",), "Fleiss 1971, doi 10.1037/h0031619"),
    MetricEntry("dice", "Dice",
                "How well two masks agree: twice the shared area over the sum of both. 1 is perfect.",
                "higher", ("masks",), "Dice 1945"),
    MetricEntry("iou", "Overlap (IoU)",
                "How well two masks agree: shared area over joint area. 1 is perfect; stricter than Dice.",
                "higher", ("masks",), "Jaccard 1912"),
    MetricEntry("area_change", "Change of area",
                "By how much what a segmenter finds has shrunk after a finding was removed: -1 means that it finds "
                "nothing any more.",
                "lower", ("painted", "masks")),
    MetricEntry("distribution_distance", "Distance of shapes",
                "How far areas, counts or forms of generated masks lie from those of real ones, in standard "
                "deviations. Read it beside the distance of real masks from real masks.",
                "lower", _MASKS, "Wasserstein distance, scipy.stats.wasserstein_distance"),
    MetricEntry("nearest_mask", "Nearest training mask",
                "How much a generated mask agrees with the training mask most like it: 1 is a copy.",
                "lower", ("synthetic", "train", "masks"), "Jaccard 1912"),
    MetricEntry("seam_percentile", "Visible seam",
                "Where the step across the edge of a painted region stands among the steps across the same contour "
                "on untouched images: 50 is usual, above 95 it shows.",
                "lower", ("real", "painted", "masks")),
)
