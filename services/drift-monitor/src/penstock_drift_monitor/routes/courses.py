"""How what is watched went over time."""

from typing import Annotated

from fastapi import APIRouter, Query

from penstock_contracts.course import (
    ColumnCourse,
    CourseReport,
    QualityAt,
    RolloutStep,
    RowsInterval,
    TriesCounted,
    TriesInterval,
    VersionFigures,
)
from penstock_contracts.drift import ColumnDrift
from penstock_drift_monitor.course.course import Course
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.pages.columns import by_urgency
from penstock_drift_monitor.pages.routes import unknown
from penstock_drift_monitor.pages.source import CourseSource, ReportSource
from penstock_drift_monitor.routes.resources import ResourceName
from penstock_drift_monitor.timestamps import rfc3339

_MOST = 200
"""Columns of one answer: with all their points some megabytes."""


def course_routes(source: ReportSource, courses: CourseSource) -> APIRouter:
    """Courses."""
    router = APIRouter(prefix="/v1", tags=["courses"])

    @router.get("/courses/{namespace}/{name}")
    async def course(
        namespace: ResourceName,
        name: ResourceName,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=0, le=_MOST)] = 50,
    ) -> CourseReport:
        """Give columns' scores, weights, tries, rows and quality over time, of columns those that drift first."""
        model = await source.model(namespace, name)
        if model is None:
            raise UnknownResource(unknown(namespace, name))
        chosen = by_urgency(model.report.columns)[offset : offset + limit]
        found = await courses.course(namespace, name, [column.name for column in chosen])
        return _report(namespace, name, chosen, len(model.report.columns), found)

    return router


def _report(namespace: str, name: str, chosen: list[ColumnDrift], total: int, found: Course) -> CourseReport:
    return CourseReport(
        namespace=namespace,
        name=name,
        column_times=tuple(map(rfc3339, found.column_times)),
        columns=tuple(
            ColumnCourse(name=column.name, verdict=column.verdict, scores=found.columns.get(column.name, ()))
            for column in chosen
        ),
        columns_total=total,
        rollout=tuple(
            RolloutStep(at=rfc3339(each.at), phase=each.phase, weights=dict(each.weights), decision=each.decision)
            for each in found.rollout
        ),
        tries=tuple(
            TriesInterval(
                since=rfc3339(each.since),
                until=rfc3339(each.until),
                versions={
                    version: TriesCounted(tries=told.tries, failures=told.failures)
                    for version, told in each.versions.items()
                },
            )
            for each in found.tries
        ),
        rows=tuple(
            RowsInterval(since=rfc3339(each.since), until=rfc3339(each.until), rows=dict(each.rows))
            for each in found.rows
        ),
        quality=tuple(
            QualityAt(
                at=rfc3339(each.at),
                versions={
                    version: VersionFigures(
                        figure=told.figure, value=told.value, low=told.low, high=told.high, labelled=told.labelled
                    )
                    for version, told in each.versions.items()
                },
            )
            for each in found.quality
        ),
    )
