"""Checking keeps to its cap in MB, however many lines there are."""

import subprocess
import sys
import textwrap

import pytest

CAP_MB = 32

SCRIPT = f"""
    import threading, time, torch
    from workbench.session import Session

    class Deep(torch.nn.Module):
        def __init__(self, layers):
            super().__init__()
            self.c = torch.nn.ModuleList(torch.nn.Conv2d(8, 8, 3, padding=1) for _ in range(layers))
            for conv in self.c:
                torch.nn.init.orthogonal_(conv.weight)

        def forward(self, x):
            for conv in self.c:
                x = conv(x)
            return x

    def session(layers):
        lines = ["[input] refname=x shape=1,8,181,181 dtype=f32 name=input"]
        lines += [f"[conv2d] channel=8 kernel=3 pad=1 weight_order=wa name=c.{{i}}" for i in range(layers)]
        lines += ["[output] refname=output", "[end]"]
        lines[-3] += " refname=output"
        return Session(Deep(layers), torch.randn(1, 8, 181, 181), "\\n".join(lines) + "\\n", cap_mb={CAP_MB}, threads=1)

    def anonymous_mb():
        words = next(line for line in open("/proc/self/status") if line.startswith("RssAnon")).split()
        return int(words[1]) / 1024

    def watch():
        global peak
        while not done:
            peak = max(peak, anonymous_mb())
            time.sleep(0.001)

    torch.manual_seed(0)
    torch.set_num_threads(1)
    session(5).diagnose()  # loads the engine
    deep = session(300)
    deep.original.source  # the model's operator graph
    start = peak = anonymous_mb()
    done = False
    thread = threading.Thread(target=watch)
    thread.start()
    diagnosis = deep.diagnose()
    done = True
    thread.join()
    assert diagnosis.clean, diagnosis
    print(peak - start)
"""


@pytest.mark.slow
def test_a_deep_model_is_checked_within_the_cap():
    """Anonymous memory over what stood before: pages of the file of 300 MB recorded tensors can be dropped."""
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(SCRIPT)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < CAP_MB
