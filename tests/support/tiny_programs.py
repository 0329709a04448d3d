"""Programs of a few lines, as agents of a launch that fill no role."""

SLEEP = "import time; time.sleep(100)"


DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(100)"


FAMILY = f"""
import subprocess, sys, time
child = [sys.executable, "-c", {SLEEP!r}]
subprocess.Popen(child)
subprocess.Popen(child, start_new_session=True)
print("family", flush=True)
time.sleep(100)
"""
