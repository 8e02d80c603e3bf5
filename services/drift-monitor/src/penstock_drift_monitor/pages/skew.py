from penstock_contracts.skew import SkewReport
from penstock_drift_monitor.pages.markup import Markup, element
from penstock_drift_monitor.pages.table import moment, number, table
from penstock_drift_monitor.skew_words import why


def skew_section(skew: SkewReport) -> Markup:
    """Build the table of looked-up features: how many served values are not what training would see, and why."""
    heads = ("Feature", "Compared", "Differing", "Share", "Mostly because")
    features = sorted(skew.comparison.features.items(), key=lambda item: (-item[1].share, item[0]))
    rows = (
        (
            name,
            number(one.compared),
            number(one.differing),
            f"{one.share:.2%}",
            why(one) if one.differing else "they agree",
        )
        for name, one in features
    )
    return element(
        "section",
        table("Features, served beside training", heads, rows),
        element("p", skew.message, ". Compared ", moment(skew.compared_at, ""), ".", class_="quiet"),
        class_="card",
        aria_label="Features, served beside training",
    )
