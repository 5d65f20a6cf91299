"""What a policy of IAM allows: the part of IAM's rules that Recado's policies use."""

import fnmatch
from dataclasses import dataclass, field


@dataclass
class Request:
    """A request to AWS: an action, the resource's ARN, and what IAM knows of it beside that."""

    action: str
    resource: str
    # Values by condition key. A key that the request does not have is not here, as with IAM.
    context: dict = field(default_factory=dict)


def listed(value):
    return value if isinstance(value, list) else [value]


def matches(value, patterns):
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in listed(patterns))


def meets(conditions, context):
    """Whether a request meets all conditions of a statement. An operator that is not known here is an error."""
    for operator, wanted in conditions.items():
        for key, patterns in wanted.items():
            values = context.get(key)
            if operator == "Null":
                good = (not values) == (patterns == "true")
            elif operator in ("ForAllValues:StringLike", "ForAllValues:StringEquals"):
                # As with IAM, a key that the request does not have meets it: that is what Null is for.
                exact = operator.endswith("Equals")
                good = all(value in listed(patterns) if exact else matches(value, patterns) for value in values or [])
            else:
                raise ValueError(f"the condition operator {operator} is not known here")
            if not good:
                return False
    return True


def allows(statement, request):
    return (
        statement["Effect"] == "Allow"
        and matches(request.action, statement["Action"])
        and matches(request.resource, statement["Resource"])
        and meets(statement.get("Condition", {}), request.context)
    )


def allowed(statements, request):
    return any(allows(statement, request) for statement in statements)
