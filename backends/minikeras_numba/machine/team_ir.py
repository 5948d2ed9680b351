"""The native half of the team: sharing out a job, and the workers' loop, as LLVM IR.

State, one cache line each (i64 words 0, 8, 16, ...), so that who writes one does not take
the others from those that read them:

    word      low 10 bits: threads of the current job; above: how many jobs so far
    busy      1 while a caller owns the team
    pending   parts of the current job that are not done
    sleepers  workers that wait in the kernel
    job       fn, regs, meta, n, parts, threads
    claims    for each thread: number of the job, end and next of its run of parts

A job is cut into more parts than there are threads. Each thread has a run of them to
itself, always the same one, so that it meets again what it has in its cache; when that
is used up it takes parts of the others. So a job does not wait for a thread that the
system keeps from running, unless that thread is in the midst of a part. A part is taken
by one exchange of a word that holds the job's number: a thread that is late finds
another number, and a job is read only by who holds a part of it, which keeps it alive.

Who publishes a job and who falls asleep must not miss each other. The publisher writes
`word`, then reads `sleepers`; a worker adds itself to `sleepers`, then lets the kernel
compare `word` with what it last saw. All four are sequentially consistent, so one of the
two sees the other (Dekker's argument): the worker is woken, or does not fall asleep.
"""

from __future__ import annotations

from typing import NamedTuple

THREADS_BITS = 10
_THREADS_MASK = (1 << THREADS_BITS) - 1
# Parts in a run come to 16 bits, and so do the threads in the last word of a call.
PARTS_BITS = 16
# Turns of a waiting loop before a thread gives up its core. The launches of a program follow
# one another within them, and waking a sleeper takes longer than most launches.
_SPINS = 4000
# The number of the system call `futex`.
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "powerpc64le": 221, "s390x": 238}


class Machine(NamedTuple):
    """What differs from target to target: instructions, and what has to be declared.

    Attributes:
        futex: Number of the system call by which workers sleep, or None: they go back to
            Python, which lets them nap.
        pause: Tells the core that this is a waiting loop, or nothing.
        yields: Lets the system run another thread here, or nothing.
        declared: Functions that these need.
    """

    futex: int | None
    pause: str
    yields: str
    declared: tuple[str, ...]


def machine_of(triple: str) -> Machine:
    """What there is on a target."""
    processor = triple.split("-")[0]
    futex = _FUTEX.get(processor) if "linux" in triple else None
    declared = ["declare i64 @syscall(i64, ...)"] * (futex is not None)
    yields = pause = ""
    if "windows" not in triple:
        yields = "%y = call i32 @sched_yield()"
        declared.append("declare i32 @sched_yield()")
    if processor in ("x86_64", "i686"):
        pause = "call void @llvm.x86.sse2.pause()"
        declared.append("declare void @llvm.x86.sse2.pause()")
    elif processor in ("aarch64", "arm64"):
        pause = "call void @llvm.aarch64.hint(i32 1)"  # yield
        declared.append("declare void @llvm.aarch64.hint(i32)")
    return Machine(futex, pause, yields, tuple(declared))


def team_text(triple: str) -> str:
    """The IR for a target."""
    machine = machine_of(triple)
    parts = [
        _GLOBALS, _PART, _DRAIN, _run(machine), _work(machine), _SEQUENCE, _ENTRY,
        "\n".join(["declare i64 @llvm.umin.i64(i64, i64)", *machine.declared]),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _word(index: int) -> str:
    """The address of a word of the state."""
    return f"ptr getelementptr (i64, ptr @state, i64 {index})"


_BUSY, _PENDING, _SLEEPERS = _word(16), _word(24), _word(32)
_FN, _REGS, _META, _N, _PARTS = (_word(40 + i) for i in range(5))

_GLOBALS = """@state = internal global [64 x i64] zeroinitializer, align 128
@claims = internal global [2048 x i64] zeroinitializer, align 128"""

# Part t of [0, n): the first n % parts of them are longer by one.
_PART = """\
define internal void @part(ptr %fn, i64 %regs, i64 %meta, i64 %n, i64 %t, i64 %parts) {
  %q = udiv i64 %n, %parts
  %r = urem i64 %n, %parts
  %a0 = mul i64 %q, %t
  %am = call i64 @llvm.umin.i64(i64 %t, i64 %r)
  %a = add i64 %a0, %am
  %more = icmp ult i64 %t, %r
  %one = zext i1 %more to i64
  %q1 = add i64 %q, %one
  %b = add i64 %a, %q1
  call void %fn(i64 %regs, i64 %meta, i64 %a, i64 %b, i64 %t, i64 %parts)
  ret void
}"""

# What a thread does with a job: its own run of parts, then those of the threads after it.
_DRAIN = f"""\
define internal void @drain(i64 %me, i64 %job, i64 %threads) {{
entry:
  br label %victim
victim:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %raw = add i64 %me, %k
  %over = icmp uge i64 %raw, %threads
  %less = sub i64 %raw, %threads
  %v = select i1 %over, i64 %less, i64 %raw
  %at = mul i64 %v, 8
  %claim = getelementptr i64, ptr @claims, i64 %at
  br label %look
look:
  ; a claim is job << 32 | end << 16 | next
  %c = load atomic i64, ptr %claim acquire, align 8
  %number = lshr i64 %c, 32
  %same = icmp eq i64 %number, %job
  %high = lshr i64 %c, 16
  %end = and i64 %high, 65535
  %t = and i64 %c, 65535
  %left = icmp ult i64 %t, %end
  %open = and i1 %same, %left
  br i1 %open, label %take, label %next
take:
  %c1 = add i64 %c, 1
  ; fails where another took the part, or where the job has ended and a new one was dealt
  %got = cmpxchg ptr %claim, i64 %c, i64 %c1 acq_rel acquire
  %mine = extractvalue {{ i64, i1 }} %got, 1
  br i1 %mine, label %work, label %look
work:
  ; only now: before a part was taken the job could have been over, and these another's
  %f = load i64, {_FN}
  %regs = load i64, {_REGS}
  %meta = load i64, {_META}
  %n = load i64, {_N}
  %parts = load i64, {_PARTS}
  %fn = inttoptr i64 %f to ptr
  call void @part(ptr %fn, i64 %regs, i64 %meta, i64 %n, i64 %t, i64 %parts)
  ; release: what the part wrote is seen by who sees that nothing is pending
  %was = atomicrmw sub {_PENDING}, i64 1 acq_rel
  br label %look
next:
  %k1 = add i64 %k, 1
  %more = icmp ult i64 %k1, %threads
  br i1 %more, label %victim, label %done
done:
  ret void
}}"""


def _run(machine: Machine) -> str:
    """A caller's side: deal out the parts, wake workers, work too, wait for the rest."""
    return _own() + _dealt(machine) + _waited(machine)


def _own() -> str:
    """Where nothing is dealt out: one thread is enough, or another caller has the team."""
    return f"""\
define void @team_run(i64 %f, i64 %regs, i64 %meta, i64 %n, i64 %shares) {{
entry:
  %fn = inttoptr i64 %f to ptr
  %parts = and i64 %shares, 65535
  %threads = lshr i64 %shares, 16
  %single = icmp ule i64 %threads, 1
  br i1 %single, label %alone, label %try
alone:
  ; one thread: no word of the state is touched
  call void %fn(i64 %regs, i64 %meta, i64 0, i64 %n, i64 0, i64 1)
  ret void
try:
  %got = cmpxchg {_BUSY}, i64 0, i64 1 acquire monotonic
  %mine = extractvalue {{ i64, i1 }} %got, 1
  br i1 %mine, label %share, label %serial
serial:
  ; another caller has the team: the same parts in order, so that results are the same
  %t = phi i64 [ 0, %try ], [ %t1, %serial ]
  call void @part(ptr %fn, i64 %regs, i64 %meta, i64 %n, i64 %t, i64 %parts)
  %t1 = add i64 %t, 1
  %again = icmp ult i64 %t1, %parts
  br i1 %again, label %serial, label %end
end:
  ret void
"""


def _dealt(machine: Machine) -> str:
    """Parts to the threads, the caller's own among them."""
    wake = ""
    if machine.futex is not None:  # FUTEX_WAKE_PRIVATE, however many there are
        wake = (
            f"%w = call i64 (i64, ...) @syscall(i64 {machine.futex}, ptr @state, i32 129, "
            "i32 2147483647, i64 0, i64 0, i32 0)"
        )
    return f"""\
share:
  ; plain stores: a worker reads them only after it took a claim, which is released below
  store i64 %f, {_FN}
  store i64 %regs, {_REGS}
  store i64 %meta, {_META}
  store i64 %n, {_N}
  store i64 %parts, {_PARTS}
  store atomic i64 %parts, {_PENDING} monotonic, align 8
  %old = load i32, ptr @state
  %count = lshr i32 %old, {THREADS_BITS}
  %count1 = add i32 %count, 1
  %high = shl i32 %count1, {THREADS_BITS}
  %low = trunc i64 %threads to i32
  %word = or i32 %high, %low
  %counted = lshr i32 %word, {THREADS_BITS}
  %job = zext i32 %counted to i64
  %stamp = shl i64 %job, 32
  br label %deal
deal:
  ; thread k gets parts [parts * k / threads, parts * (k + 1) / threads)
  %k = phi i64 [ 0, %share ], [ %k1, %deal ]
  %k1 = add i64 %k, 1
  %m0 = mul i64 %parts, %k
  %m1 = mul i64 %parts, %k1
  %from = udiv i64 %m0, %threads
  %to = udiv i64 %m1, %threads
  %to1 = shl i64 %to, 16
  %run = or i64 %from, %to1
  %claim = or i64 %run, %stamp
  %at = mul i64 %k, 8
  %place = getelementptr i64, ptr @claims, i64 %at
  store atomic i64 %claim, ptr %place release, align 8
  %dealing = icmp ult i64 %k1, %threads
  br i1 %dealing, label %deal, label %publish
publish:
  ; the store and the load after it must not change places: see Dekker's argument above
  store atomic i32 %word, ptr @state seq_cst, align 4
  %asleep = load atomic i64, {_SLEEPERS} seq_cst, align 8
  %any = icmp ne i64 %asleep, 0
  br i1 %any, label %wake, label %own
wake:
  {wake}
  br label %own
own:
  call void @drain(i64 0, i64 %job, i64 %threads)
  br label %wait
"""


def _waited(machine: Machine) -> str:
    """Until nobody is in the midst of a part."""
    return f"""\
wait:
  %spun = phi i64 [ 0, %own ], [ %spun1, %relax ]
  %left = load atomic i64, {_PENDING} acquire, align 8
  %ready = icmp eq i64 %left, 0
  br i1 %ready, label %done, label %more
more:
  ; somebody is in the midst of a part: were it kept from running, it may want this core
  %spun1 = add i64 %spun, 1
  %patient = icmp ult i64 %spun1, {_SPINS}
  br i1 %patient, label %relax, label %yield
yield:
  {machine.yields}
  br label %relax
relax:
  {machine.pause}
  br label %wait
done:
  store atomic i64 0, {_BUSY} release, align 8
  ret void
}}"""


def _work(machine: Machine) -> str:
    """A worker's side: look for a job, spin for a while, sleep."""
    sleeps, last, spun = _naps()
    if machine.futex is not None:
        sleeps, last, spun = _sleeps(machine.futex)
    return f"""\
define i64 @team_work(i64 %me, i64 %seen) {{
entry:
  %first = trunc i64 %seen to i32
  br label %look
look:
  %last = phi i32 [ %first, %entry ], [ %last, %relax ], [ %word, %skip ], [ %word, %did ]{last}
  %spun = phi i64 [ 0, %entry ], [ %spun1, %relax ], [ 0, %skip ], [ 0, %did ]{spun}
  %word = load atomic i32, ptr @state seq_cst, align 4
  %same = icmp eq i32 %word, %last
  br i1 %same, label %idle, label %fresh
fresh:
  %low = and i32 %word, {_THREADS_MASK}
  %threads = zext i32 %low to i64
  ; a small job wants fewer threads: the others go on as if they had not seen it
  %for_me = icmp ult i64 %me, %threads
  br i1 %for_me, label %did, label %skip
skip:
  br label %look
did:
  %number = lshr i32 %word, {THREADS_BITS}
  %job = zext i32 %number to i64
  call void @drain(i64 %me, i64 %job, i64 %threads)
  br label %look
idle:
  %spun1 = add i64 %spun, 1
  %patient = icmp ult i64 %spun1, {_SPINS}
  br i1 %patient, label %relax, label %sleep
relax:
  {machine.pause}
  br label %look
sleep:
{sleeps}
}}"""


def _sleeps(futex: int) -> tuple[str, str, str]:
    """Sleep until `word` changes, then look again: instructions, and the loop's operands.

    FUTEX_WAIT_PRIVATE comes back at once where `word` is no longer what was last seen.
    """
    text = f"""\
  %s0 = atomicrmw add {_SLEEPERS}, i64 1 seq_cst
  %s1 = call i64 (i64, ...) @syscall(i64 {futex}, ptr @state, i32 128, i32 %last, i64 0,
    i64 0, i32 0)
  %s2 = atomicrmw sub {_SLEEPERS}, i64 1 seq_cst
  br label %look"""
    return text, ", [ %last, %sleep ]", ", [ 0, %sleep ]"


def _naps() -> tuple[str, str, str]:
    """Go back to Python, which naps and calls again with what was last seen."""
    return "  %nap = zext i32 %last to i64\n  ret i64 %nap", "", ""


# Calls in order, in one native call: rows of (fn, meta, n, shares). It ends at a kernel that
# failed, whose number stands before the registers: the next would read what was not made.
_SEQUENCE = """\
define void @team_sequence(ptr %calls, i64 %count, i64 %regs) {
entry:
  %before = sub i64 %regs, 8
  %failed = inttoptr i64 %before to ptr
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i1, %body ]
  %word = load i64, ptr %failed
  %fine = icmp eq i64 %word, 0
  %left = icmp ult i64 %i, %count
  %more = and i1 %left, %fine
  br i1 %more, label %body, label %end
body:
  %row = getelementptr [4 x i64], ptr %calls, i64 %i
  %f = load i64, ptr %row
  %p1 = getelementptr i64, ptr %row, i64 1
  %meta = load i64, ptr %p1
  %p2 = getelementptr i64, ptr %row, i64 2
  %n = load i64, ptr %p2
  %p3 = getelementptr i64, ptr %row, i64 3
  %shares = load i64, ptr %p3
  call void @team_run(i64 %f, i64 %regs, i64 %meta, i64 %n, i64 %shares)
  %i1 = add i64 %i, 1
  br label %head
end:
  ret void
}"""

# Addresses for Python: the one function that `compile_ir` gives fills in the others.
_ENTRY = """\
define void @team_entry(ptr %out) {
  store i64 ptrtoint (ptr @team_run to i64), ptr %out
  %o1 = getelementptr i64, ptr %out, i64 1
  store i64 ptrtoint (ptr @team_work to i64), ptr %o1
  %o2 = getelementptr i64, ptr %out, i64 2
  store i64 ptrtoint (ptr @state to i64), ptr %o2
  %o3 = getelementptr i64, ptr %out, i64 3
  store i64 ptrtoint (ptr @team_sequence to i64), ptr %o3
  ret void
}"""
