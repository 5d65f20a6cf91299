"""What each function may do, from the template's roles, as the table in docs/deployment.md: fails if that differs.
`python3 tests/deployed/roles.py --write` writes it there.
"""

import re
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/deployment.md"
START, END = "<!-- roles -->\n", "<!-- /roles -->\n"


def listed(value):
    return value if isinstance(value, list) else [value]


def name(resource):
    """A resource's name in the template, or what stands for it."""
    if isinstance(resource, dict):
        resource = next(iter(resource.values()))
    resource = ".".join(resource) if isinstance(resource, list) else str(resource)
    index = re.search(r"/index/(\w+)", resource)
    if index:
        return f"index {index[1]}"
    return "any" if resource == "*" else re.sub(r"\$\{(\w+)\.Arn\}.*", r"\1", resource).removesuffix(".Arn")


def lines(role):
    table, other = {}, []
    for policy in role["Properties"]["Policies"]:
        # X-Ray's is there only if it is asked for.
        for statement in policy.get("PolicyDocument", {}).get("Statement", []):
            only = ""
            if "Fn::If" in statement:
                condition, statement, _ = statement["Fn::If"]
                only = f", if `{condition}`"
            conditions = statement.get("Condition", {})
            keys = conditions.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
            names = conditions.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes", [])
            # The key itself is part of each request.
            parts = [name for name in names if name not in ("pk", "sk")]
            for action in listed(statement["Action"]):
                service, verb = action.split(":")
                if keys:
                    within = f" ({', '.join(parts)})" if parts else ""
                    table.setdefault(verb, set()).update(f"{key}{within}" for key in keys)
                    continue
                for resource in listed(statement["Resource"]):
                    where = name(resource)
                    if where.startswith("index "):
                        table.setdefault(verb, set()).add(where)
                    elif where.endswith(":table/${AWS::StackName}"):
                        table.setdefault(verb, set()).add("any key")
                    elif service != "logs":
                        other.append(f"`{action}` on {where}{only}")
    of_table = [f"`{verb}` on " + ", ".join(f"`{key}`" for key in sorted(keys)) for verb, keys in sorted(table.items())]
    return "; ".join(of_table), "; ".join(other)


def main():
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    rows = ["| function | of the table | besides, and its own log |", "| --- | --- | --- |"]
    for logical, resource in resources.items():
        if resource["Type"] == "AWS::Serverless::Function":
            of_table, other = lines(resources[f"{logical}Role"])
            rows.append(f"| `{logical}` | {of_table} | {other} |")
    table = START + "\n" + "\n".join(rows) + "\n\n" + END
    page = PAGE.read_text()
    before, rest = page.split(START)
    wanted = before + table + rest.split(END)[1]
    if "--write" in sys.argv:
        PAGE.write_text(wanted)
    elif page != wanted:
        sys.exit("docs/deployment.md does not show the template's roles: python3 tests/deployed/roles.py --write")


if __name__ == "__main__":
    main()
