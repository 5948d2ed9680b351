"""The native half of the team: sharing out a job, and the workers' loop, as LLVM IR.

State, one cache line each (i64 words 0, 8, 16, ...):

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
"""

from __future__ import annotations

THREADS_BITS = 10
# Parts in a run come to 16 bits, and so do the threads in the last word of a call.
PARTS_BITS = 16
_SPINS = 4000
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "powerpc64le": 221, "s390x": 238}

_TEXT = """
@state = internal global [64 x i64] zeroinitializer, align 128
@claims = internal global [2048 x i64] zeroinitializer, align 128

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
}

define internal void @drain(i64 %me, i64 %job, i64 %threads) {
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
  %got = cmpxchg ptr %claim, i64 %c, i64 %c1 acq_rel acquire
  %mine = extractvalue { i64, i1 } %got, 1
  br i1 %mine, label %work, label %look
work:
  %f = load i64, ptr @JOB0
  %regs = load i64, ptr @JOB1
  %meta = load i64, ptr @JOB2
  %n = load i64, ptr @JOB3
  %parts = load i64, ptr @JOB4
  %fn = inttoptr i64 %f to ptr
  call void @part(ptr %fn, i64 %regs, i64 %meta, i64 %n, i64 %t, i64 %parts)
  %was = atomicrmw sub ptr @PENDING, i64 1 acq_rel
  br label %look
next:
  %k1 = add i64 %k, 1
  %more = icmp ult i64 %k1, %threads
  br i1 %more, label %victim, label %done
done:
  ret void
}

define void @team_run(i64 %f, i64 %regs, i64 %meta, i64 %n, i64 %shares) {
entry:
  %fn = inttoptr i64 %f to ptr
  %parts = and i64 %shares, 65535
  %threads = lshr i64 %shares, 16
  %single = icmp ule i64 %threads, 1
  br i1 %single, label %alone, label %try
alone:
  call void %fn(i64 %regs, i64 %meta, i64 0, i64 %n, i64 0, i64 1)
  ret void
try:
  %got = cmpxchg ptr @BUSY, i64 0, i64 1 acquire monotonic
  %mine = extractvalue { i64, i1 } %got, 1
  br i1 %mine, label %share, label %serial
serial:
  %t = phi i64 [ 0, %try ], [ %t1, %serial ]
  call void @part(ptr %fn, i64 %regs, i64 %meta, i64 %n, i64 %t, i64 %parts)
  %t1 = add i64 %t, 1
  %again = icmp ult i64 %t1, %parts
  br i1 %again, label %serial, label %end
end:
  ret void
share:
  store i64 %f, ptr @JOB0
  store i64 %regs, ptr @JOB1
  store i64 %meta, ptr @JOB2
  store i64 %n, ptr @JOB3
  store i64 %parts, ptr @JOB4
  store atomic i64 %parts, ptr @PENDING monotonic, align 8
  %old = load i32, ptr @state
  %count = lshr i32 %old, BITS
  %count1 = add i32 %count, 1
  %high = shl i32 %count1, BITS
  %low = trunc i64 %threads to i32
  %word = or i32 %high, %low
  %counted = lshr i32 %word, BITS
  %job = zext i32 %counted to i64
  %stamp = shl i64 %job, 32
  br label %deal
deal:
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
  store atomic i32 %word, ptr @state seq_cst, align 4
  %asleep = load atomic i64, ptr @SLEEPERS seq_cst, align 8
  %any = icmp ne i64 %asleep, 0
  br i1 %any, label %wake, label %own
wake:
  WAKE
  br label %own
own:
  call void @drain(i64 0, i64 %job, i64 %threads)
  br label %wait
wait:
  %spun = phi i64 [ 0, %own ], [ %spun1, %relax ]
  %left = load atomic i64, ptr @PENDING acquire, align 8
  %ready = icmp eq i64 %left, 0
  br i1 %ready, label %done, label %more
more:
  %spun1 = add i64 %spun, 1
  %patient = icmp ult i64 %spun1, SPINS
  br i1 %patient, label %relax, label %yield
yield:
  YIELD
  br label %relax
relax:
  PAUSE
  br label %wait
done:
  store atomic i64 0, ptr @BUSY release, align 8
  ret void
}

define i64 @team_work(i64 %me, i64 %seen) {
entry:
  %first = trunc i64 %seen to i32
  br label %look
look:
  %last = phi i32 [ %first, %entry ], [ %last, %relax ], [ %word, %skip ], [ %word, %did ],
    [ %last, %slept ]
  %spun = phi i64 [ 0, %entry ], [ %spun1, %relax ], [ 0, %skip ], [ 0, %did ], [ 0, %slept ]
  %word = load atomic i32, ptr @state seq_cst, align 4
  %same = icmp eq i32 %word, %last
  br i1 %same, label %idle, label %fresh
fresh:
  %low = and i32 %word, MASK
  %threads = zext i32 %low to i64
  %for_me = icmp ult i64 %me, %threads
  br i1 %for_me, label %did, label %skip
skip:
  br label %look
did:
  %number = lshr i32 %word, BITS
  %job = zext i32 %number to i64
  call void @drain(i64 %me, i64 %job, i64 %threads)
  br label %look
idle:
  %spun1 = add i64 %spun, 1
  %patient = icmp ult i64 %spun1, SPINS
  br i1 %patient, label %relax, label %sleep
relax:
  PAUSE
  br label %look
sleep:
  SLEEP
slept:
  br label %look
}

define void @team_sequence(ptr %calls, i64 %count, i64 %regs) {
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i1, %body ]
  %more = icmp ult i64 %i, %count
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
}

define void @team_entry(ptr %out) {
  store i64 ptrtoint (ptr @team_run to i64), ptr %out
  %o1 = getelementptr i64, ptr %out, i64 1
  store i64 ptrtoint (ptr @team_work to i64), ptr %o1
  %o2 = getelementptr i64, ptr %out, i64 2
  store i64 ptrtoint (ptr @state to i64), ptr %o2
  %o3 = getelementptr i64, ptr %out, i64 3
  store i64 ptrtoint (ptr @team_sequence to i64), ptr %o3
  ret void
}

declare i64 @llvm.umin.i64(i64, i64)
"""

_FUTEX_SLEEP = """
  %s0 = atomicrmw add ptr @SLEEPERS, i64 1 seq_cst
  %s1 = call i64 (i64, ...) @syscall(i64 NUMBER, ptr @state, i32 128, i32 %last, i64 0,
    i64 0, i32 0)
  %s2 = atomicrmw sub ptr @SLEEPERS, i64 1 seq_cst
  br label %slept
"""
_FUTEX_WAKE = """
  %w = call i64 (i64, ...) @syscall(i64 NUMBER, ptr @state, i32 129, i32 2147483647,
    i64 0, i64 0, i32 0)
"""
# without futexes the worker goes back to Python, which naps and calls again
_NAP = """
  %nap = zext i32 %last to i64
  ret i64 %nap
"""


def has_futex(triple: str) -> bool:
    """Whether workers sleep in the kernel; else the Python side must let them nap."""
    return "linux" in triple and triple.split("-")[0] in _FUTEX


def team_text(triple: str) -> str:
    """The IR for a target."""
    machine = triple.split("-")[0]
    text = _TEXT
    sleep, wake, yields = _NAP, "", ""
    if has_futex(triple):
        number = str(_FUTEX[machine])
        sleep = _FUTEX_SLEEP.replace("NUMBER", number)
        wake = _FUTEX_WAKE.replace("NUMBER", number)
        text += "declare i64 @syscall(i64, ...)\n"
    if "windows" not in triple:
        yields = "%y = call i32 @sched_yield()"
        text += "declare i32 @sched_yield()\n"
    pause = ""
    if machine in ("x86_64", "i686"):
        pause = "call void @llvm.x86.sse2.pause()"
        text += "declare void @llvm.x86.sse2.pause()\n"
    elif machine in ("aarch64", "arm64"):
        pause = "call void @llvm.aarch64.hint(i32 1)"
        text += "declare void @llvm.aarch64.hint(i32)\n"
    text = text.replace("  SLEEP\nslept:", f"{sleep}\nslept:")
    if not has_futex(triple):
        text = text.replace(", [ %last, %slept ]", "").replace(
            ",\n    [ %last, %slept ]", ""
        )
        text = text.replace(", [ 0, %slept ]", "").replace(
            "slept:\n  br label %look\n", ""
        )
    for word, value in (("WAKE", wake), ("YIELD", yields), ("PAUSE", pause)):
        text = text.replace(f"  {word}\n", f"  {value}\n")
    fields = {"BUSY": 16, "PENDING": 24, "SLEEPERS": 32, "JOB0": 40, "JOB1": 41}
    fields |= {"JOB2": 42, "JOB3": 43, "JOB4": 44}
    for word, index in fields.items():
        place = f"getelementptr (i64, ptr @state, i64 {index})"
        text = text.replace(f"ptr @{word}", f"ptr {place}")
    text = text.replace("SPINS", str(_SPINS)).replace("BITS", str(THREADS_BITS))
    return text.replace("MASK", str((1 << THREADS_BITS) - 1))
