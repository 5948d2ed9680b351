"""The code of the guide runs."""

import re
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "augmentation.md"


def test_the_guide_runs():
    code = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S))
    assert "augment" in code
    exec(compile(code, str(GUIDE), "exec"), {})
