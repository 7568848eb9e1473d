"""The golden trees: a seed and a recorded space give exactly this tree.

    python tests/golden/record.py     # write them anew, after a change that is meant to change them

Each file holds one policy's search over ``space.json`` with 4 workers: the evaluations in order of
completion, and the tree. Gains are rounded to 9 digits, since linear algebra may round its last
digit otherwise on another machine.
"""

from __future__ import annotations

import json
from pathlib import Path

from runner.model import ROOT, Closed, Metric, State
from runner.planner.budget import Budget, BudgetLimits
from runner.planner.policy import POLICIES, make_policy
from runner.planner.space import load_space
from runner.planner.tree import Tree
from runner.search import search
from runner.simulate import Forgetful, SpacePool

HERE = Path(__file__).parent
SEED = 7
NODES = 60
WORKERS = 4


def recorded(policy: str) -> str:
    """The JSON text of one policy's search."""
    space = load_space((HERE / "space.json").read_text(encoding="utf-8"))
    tree = Tree(State(ROOT), space.actions, (Metric(space.metric.name, space.root),))
    pool = SpacePool(space, WORKERS, SEED)
    budget = Budget(BudgetLimits(nodes=NODES), lambda: pool.now_s)
    chooser = make_policy(policy, space.actions, SEED)
    closings = [
        [event.expansion.job.attempt_id, event.best]
        for event in search(tree, chooser, budget, pool, Forgetful())
        if isinstance(event, Closed)
    ]
    nodes = [
        {
            "label": node.label,
            "actions": [tree.actions[i].key for i in node.actions],
            "outcome": str(node.outcome),
            "visits": node.visits,
            "reward": round(node.reward, 9),
            "gain": round(node.value, 9),
        }
        for node in tree.nodes
    ]
    lines = {
        "closings": ",\n".join(f"  {json.dumps(entry)}" for entry in closings),
        "nodes": ",\n".join(f"  {json.dumps(entry)}" for entry in nodes),
    }
    body = ",\n".join(f'"{key}": [\n{text}\n]' for key, text in lines.items())
    return f'{{"policy": "{policy}", "seed": {SEED}, "best": "{tree.best}",\n{body}}}\n'


def main() -> None:
    for policy in POLICIES:
        (HERE / f"{policy}.json").write_text(recorded(policy), encoding="utf-8")


if __name__ == "__main__":
    main()
