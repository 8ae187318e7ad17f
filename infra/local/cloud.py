"""The local cloud: ministack, with what it lacks of Lambda's execution environment.

    cloud.py --port 4566 [--endpoint URL] [--region eu-central-1] [--function-env NAME=VALUE]... [--clock FILE]
             [--no-freeze]

Prints one line of JSON when it answers, then runs until it is told to stop (SIGTERM, SIGINT). It adds:

* the Extensions API for internal extensions, so that a function can go on working after it has answered;
* the order of things around it, as on AWS: an environment gets its next event only after the runtime *and* the
  extensions have asked for one, the function's timeout covers both, and an idle environment is frozen (work left
  running without an extension stands still here as it would there);
* an environment for functions that holds nothing of the host;
* a clock that can be moved: what the queue holds back, and the time in answers, follow it;
* pollers that see soon what the queue hands out when a delay is over.

All of it is patched into one version of ministack, most of it into ProvidedWorker; another version is refused.
"""

import argparse
import atexit
import contextvars
import ctypes
import importlib.metadata
import json
import os
import queue
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

MINISTACK = "1.5.33"
EXTENSION = "/2020-01-01/extension/"
PR_SET_PDEATHSIG = 1
# What is used of AWS here. The rest would only take ports and memory.
SERVICES = "apigateway,cloudformation,dynamodb,iam,kms,lambda,logs,monitoring,s3,scheduler,sns,sqs,sts"
# What a caller waits for at most while an environment comes to rest, before that goes on behind its back.
REST = 0.05
# How often an idle queue is looked into.
POLL = 0.1


def arguments():
    parser = argparse.ArgumentParser(description="Runs the local cloud.")
    parser.add_argument("--port", type=int, required=True, help="where it listens, on 127.0.0.1")
    parser.add_argument("--endpoint", help="AWS_ENDPOINT_URL of functions: a proxy in front, or the cloud itself")
    parser.add_argument("--region", default="eu-central-1")
    parser.add_argument("--function-env", action="append", default=[], metavar="NAME=VALUE",
                        help="one more variable for every function, such as those of libfaketime")
    parser.add_argument("--clock", metavar="FILE",
                        help="how far the cloud's time is from the machine's, as +SECONDS; may change at any moment")
    parser.add_argument("--no-freeze", dest="freeze", action="store_false",
                        help="leave idle environments running (for a debugger)")
    parser.add_argument("--log-level", default="WARNING")
    return parser.parse_args()


def clean_environment(args):
    """ministack reads its settings from the environment, and hands its whole environment to functions."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    os.environ.clear()
    os.environ.update(
        kept,
        GATEWAY_PORT=str(args.port),
        BIND_HOST="127.0.0.1",
        AWS_ENDPOINT_URL=args.endpoint or f"http://127.0.0.1:{args.port}",
        MINISTACK_REGION=args.region,
        LOG_LEVEL=args.log_level,
        SERVICES=SERVICES,
        IOT_MTLS_ENABLED="0",  # else it takes port 8883
        SFTP_ENABLED="0",
    )


def move_clock(file):
    """Time as the file says. What is measured (time.monotonic) stays as it is: limits of invocations, pauses.

    libfaketime would do it to everything, but makes Python's sleep fail.
    """
    machine = time.time

    def moved():
        with open(file) as clock:
            return machine() + float(clock.read())

    time.time = moved


class Extensions:
    """The Extensions API of one generation of an environment, and who still owes a call for the next event."""

    def __init__(self, worker, pending, freeze):
        self.worker = worker
        self.freeze = freeze
        self.lock = threading.Condition()
        self.events = {}  # extension -> its queue; None for one that did not ask for INVOKE
        self.owing = set()
        self.closed = False  # registration ends with the runtime's first call for an event
        self.request_id = None
        self.deadline = 0.0
        self.hand_out = pending.put
        pending.put = self.put

    def put(self, item):
        """Stands in for the put of the environment's queue: the runtime and the extensions get the event."""
        request_id, _, deadline_ms, trace_id, arn = item
        event = {
            "eventType": "INVOKE",
            "deadlineMs": deadline_ms,
            "requestId": request_id,
            "invokedFunctionArn": arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": trace_id or ""},
        }
        with self.lock:
            self.request_id = request_id
            self.deadline = time.monotonic() + self.worker.config.get("Timeout", 3)
            self.owing = {"runtime"} | {name for name, events in self.events.items() if events is not None}
            for name in self.owing - {"runtime"}:
                self.events[name].put(event)
        self.thaw()
        self.hand_out(item)

    def runtime_asks(self):
        with self.lock:
            self.closed = True
            # The call that begins the first invocation is not the one that ends it.
            if self.worker._current_request_id is None:
                self.owing.discard("runtime")
                self.lock.notify_all()

    def register(self, events):
        """Answers (status, identifier or error type)."""
        if "SHUTDOWN" in events:
            return 403, "ShutdownEventNotSupportedForInternalExtension"
        with self.lock:
            if self.closed:
                return 403, "Extension.RegistrationClosed"
            name = str(uuid.uuid4())
            self.events[name] = queue.Queue() if "INVOKE" in events else None
            return 200, name

    def next(self, name, stopped):
        """Blocks until there is an event for this extension; None when the environment has ended."""
        events = self.events[name] or queue.Queue()
        with self.lock:
            if events.empty():
                self.owing.discard(name)
                self.lock.notify_all()
        while not stopped():
            try:
                return events.get(timeout=0.1)
            except queue.Empty:
                continue
        return None

    def at_rest(self, timeout):
        """Whether everybody has asked for the next event, or the process is gone, within this time."""
        end = time.monotonic() + timeout
        process = self.worker._proc
        with self.lock:
            while self.owing and process.poll() is None:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self.lock.wait(min(left, 0.2))
        return True

    def stop(self):
        if self.freeze:
            send(self.worker._proc, signal.SIGSTOP)

    def thaw(self):
        if self.freeze:
            send(self.worker._proc, signal.SIGCONT)


def send(process, number):
    if process is not None and process.poll() is None:
        process.send_signal(number)


def patch(args):
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    patch_runtime_api(lambda_runtime.ProvidedWorker, args.freeze)
    patch_death_at_the_start(lambda_runtime.ProvidedWorker)
    patch_signals(lambda_runtime)
    lambda_svc.release_worker = releasing(lambda_runtime.release_worker)
    lambda_svc._sqs_esm_concurrency = numeric_concurrency(lambda_svc._sqs_esm_concurrency)
    lambda_svc._provided_worker_env = function_environment(lambda_svc._provided_worker_env, args)
    threading.Thread(target=poll_often, args=(lambda_svc.esm_wake,), daemon=True).start()
    # Frozen processes would outlive their cloud.
    atexit.register(lambda_runtime.reset)


def poll_often(wake):
    """Lambda's pollers wait inside the queue; ministack's look into an idle one once a second, unless they are woken,
    which the end of a message's delay does not do."""
    while True:
        time.sleep(POLL)
        wake.set()


def patch_runtime_api(worker_class, freeze):
    """Teaches the environment's HTTP server the Extensions API."""
    build = worker_class._build_handler_class

    def build_with_extensions(worker, generation, pending):
        extensions = worker.extensions = Extensions(worker, pending, freeze)

        def stopped():
            return worker._stopping or generation != worker._generation

        class Handler(build(worker, generation, pending)):
            def do_GET(self):
                if not self.path.startswith(EXTENSION):
                    if "/runtime/invocation/next" in self.path:
                        extensions.runtime_asks()
                    return super().do_GET()
                name = self.headers.get("Lambda-Extension-Identifier", "")
                if self.path != EXTENSION + "event/next" or name not in extensions.events:
                    return self.refuse(403, "Extension.UnknownExtensionIdentifier")
                event = extensions.next(name, stopped)
                if event is None:
                    return self._stopped()
                self.reply(200, event, {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())})

            def do_POST(self):
                if not self.path.startswith(EXTENSION):
                    return super().do_POST()
                body = self._read_body()
                if self.path != EXTENSION + "register":
                    # …/init/error and …/exit/error: the process ends by itself right after.
                    return self.reply(202, {"status": "OK"})
                status, name = extensions.register(json.loads(body or b"{}").get("events", []))
                if status != 200:
                    return self.refuse(status, name)
                about = {
                    "functionName": worker.config.get("FunctionName", ""),
                    "functionVersion": worker.config.get("Version", "$LATEST"),
                    "handler": worker.config.get("Handler", "bootstrap"),
                }
                if self.headers.get("Lambda-Extension-Accept-Feature") == "accountId":
                    about["accountId"] = worker.config.get("FunctionArn", ":::::").split(":")[4]
                self.reply(200, about, {"Lambda-Extension-Identifier": name})

            def refuse(self, status, error):
                self.reply(status, {"errorMessage": error, "errorType": error})

            def reply(self, status, body, headers=None):
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler

    worker_class._build_handler_class = build_with_extensions


def patch_death_at_the_start(worker_class):
    """An environment that dies while it starts takes no other of its function with it."""
    invoke = worker_class.invoke

    def invoke_alone(worker, *args, **kwargs):
        try:
            return invoke(worker, *args, **kwargs)
        except RuntimeError as error:
            kind = getattr(error, "error_type", "") or "Runtime.ExitError"
            payload = {"errorMessage": str(error), "errorType": kind}
            return {"status": "error", "error": str(error), "error_payload": payload, "cold_start": True, "log": ""}

    worker_class.invoke = invoke_alone


def patch_signals(lambda_runtime):
    """A stopped process does not hear that it should end."""
    end = lambda_runtime._signal

    def thaw_and_end(process):
        send(process, signal.SIGCONT)
        end(process)

    lambda_runtime._signal = thaw_and_end


def releasing(release):
    """An environment goes back to the pool when it is at rest, not when it has answered."""

    def rest(worker, extensions):
        write_log(worker, extensions)
        extensions.stop()
        release(worker)

    def rest_later(worker, extensions):
        if extensions.at_rest(max(0.0, extensions.deadline - time.monotonic())):
            return rest(worker, extensions)
        write_log(worker, extensions, "Task timed out after its answer: an extension did not end")
        worker._teardown()
        release(worker)

    def release_at_rest(worker):
        extensions = getattr(worker, "extensions", None)
        if extensions is None or worker._proc is None:
            return release(worker)
        if extensions.at_rest(REST):
            return rest(worker, extensions)
        # Account and region travel in context variables.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(rest_later, worker, extensions), daemon=True).start()

    return release_at_rest


def write_log(worker, extensions, *more):
    """Logs what was written after the answer, as a stream of its own: that of the answer may not be there yet."""
    from ministack.services import cloudwatch_logs

    lines = worker._drain_stderr_bounded(first_line_wait=0.005).splitlines() + list(more)
    name = (worker.config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{worker.func_name}"
    group = cloudwatch_logs._log_groups.get(name)
    if not lines or group is None:
        return
    now = int(time.time() * 1000)
    stream = group["streams"].setdefault(f"after-the-answer/{extensions.request_id}", {
        "events": [], "uploadSequenceToken": "1", "creationTime": now,
        "firstEventTimestamp": None, "lastEventTimestamp": None, "lastIngestionTime": None,
    })
    cloudwatch_logs._append_log_events(
        stream, [{"timestamp": now, "message": line, "ingestionTime": now} for line in lines])


def numeric_concurrency(concurrency):
    """A parameter of type Number arrives as text from ministack's CloudFormation; AWS makes a number of it."""

    def numeric(mapping, *rest):
        scaling = mapping.get("ScalingConfig") or {}
        if "MaximumConcurrency" in scaling:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return concurrency(mapping, *rest)

    return numeric


def function_environment(build, args):
    """What a function finds in its environment: Lambda's variables, its own, and those asked for."""
    own = {"GATEWAY_PORT", "BIND_HOST", "MINISTACK_REGION", "LOG_LEVEL", "SERVICES", "IOT_MTLS_ENABLED", "SFTP_ENABLED",
           "TMPDIR"}
    more = dict(pair.split("=", 1) for pair in args.function_env)

    def environment(config, code_dir, port):
        variables = {name: value for name, value in build(config, code_dir, port).items() if name not in own}
        variables.update(
            PATH="/usr/local/bin:/usr/bin:/bin",
            LANG="en_US.UTF-8",
            TZ=":UTC",
            AWS_LAMBDA_INITIALIZATION_TYPE="on-demand",
            AWS_LAMBDA_LOG_GROUP_NAME=(config.get("LoggingConfig") or {}).get("LogGroup", ""),
        )
        return variables | more

    return environment


def announce(args):
    """Says when the cloud answers."""
    url = f"http://127.0.0.1:{args.port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=2).close()
            print(json.dumps({"ready": url, "pid": os.getppid(), "endpoint": os.environ["AWS_ENDPOINT_URL"]}), flush=True)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    print(json.dumps({"error": "the local cloud does not answer"}), flush=True)


def run(args):
    clean_environment(args)
    if args.clock:
        move_clock(args.clock)
    from ministack import app

    patch(args)
    threading.Thread(target=announce, args=(args,), daemon=True).start()
    sys.argv = ["ministack"]
    app.main()


def supervise(args):
    """Runs the cloud in a session of its own, and leaves nothing of it behind, however either of the two ends.

    Of its own, because the kernel sends a hang-up to a group of processes with frozen ones among them as soon as
    the shell that started it goes; and a frozen process whose cloud was killed would stay for ever.
    """
    child = os.fork()
    if child == 0:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        run(args)
        return
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
    code = os.waitstatus_to_exitcode(status)
    sys.exit(0 if code == -signal.SIGTERM else code)


def main():
    args = arguments()
    found = importlib.metadata.version("ministack")
    if found != MINISTACK:
        sys.exit(f"ministack {found} is installed; the patches here are for {MINISTACK}")
    supervise(args)


if __name__ == "__main__":
    main()
