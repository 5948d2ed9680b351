"""The native half of the pool: sharing out a job, and the workers' loop, as LLVM IR.

State, one cache line each (i64 words 0, 8, 16, ...):

    word      low 10 bits: parts of the current job; above: how many jobs so far
    busy      1 while a caller owns the pool
    pending   workers that have not finished the current job
    sleepers  workers that wait in the kernel
    job       fn, regs, meta, n

A worker whose number is not below the parts of `word` never reads the job, and a
job ends only when all others have left it; so a job is never read while written.
"""

from __future__ import annotations

PARTS_BITS = 10
_SPINS = 4000
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "powerpc64le": 221, "s390x": 238}

_TEXT = """
@state = internal global [64 x i64] zeroinitializer, align 128

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

define void @pool_run(i64 %f, i64 %regs, i64 %meta, i64 %n, i64 %parts) {
entry:
  %fn = inttoptr i64 %f to ptr
  %single = icmp ule i64 %parts, 1
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
  %others = sub i64 %parts, 1
  store atomic i64 %others, ptr @PENDING monotonic, align 8
  %old = load i32, ptr @state
  %count = lshr i32 %old, BITS
  %count1 = add i32 %count, 1
  %high = shl i32 %count1, BITS
  %low = trunc i64 %parts to i32
  %word = or i32 %high, %low
  store atomic i32 %word, ptr @state seq_cst, align 4
  %asleep = load atomic i64, ptr @SLEEPERS seq_cst, align 8
  %any = icmp ne i64 %asleep, 0
  br i1 %any, label %wake, label %own
wake:
  WAKE
  br label %own
own:
  call void @part(ptr %fn, i64 %regs, i64 %meta, i64 %n, i64 0, i64 %parts)
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

define i64 @pool_work(i64 %me, i64 %seen) {
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
  %parts = zext i32 %low to i64
  %for_me = icmp ult i64 %me, %parts
  br i1 %for_me, label %did, label %skip
skip:
  br label %look
did:
  %f = load i64, ptr @JOB0
  %regs = load i64, ptr @JOB1
  %meta = load i64, ptr @JOB2
  %n = load i64, ptr @JOB3
  %fn = inttoptr i64 %f to ptr
  call void @part(ptr %fn, i64 %regs, i64 %meta, i64 %n, i64 %me, i64 %parts)
  %was = atomicrmw sub ptr @PENDING, i64 1 acq_rel
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

define void @pool_sequence(ptr %calls, i64 %count, i64 %regs) {
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
  %parts = load i64, ptr %p3
  call void @pool_run(i64 %f, i64 %regs, i64 %meta, i64 %n, i64 %parts)
  %i1 = add i64 %i, 1
  br label %head
end:
  ret void
}

define void @pool_entry(ptr %out) {
  store i64 ptrtoint (ptr @pool_run to i64), ptr %out
  %o1 = getelementptr i64, ptr %out, i64 1
  store i64 ptrtoint (ptr @pool_work to i64), ptr %o1
  %o2 = getelementptr i64, ptr %out, i64 2
  store i64 ptrtoint (ptr @state to i64), ptr %o2
  %o3 = getelementptr i64, ptr %out, i64 3
  store i64 ptrtoint (ptr @pool_sequence to i64), ptr %o3
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


def pool_text(triple: str) -> str:
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
    fields |= {"JOB2": 42, "JOB3": 43}
    for word, index in fields.items():
        place = f"getelementptr (i64, ptr @state, i64 {index})"
        text = text.replace(f"ptr @{word}", f"ptr {place}")
    text = text.replace("SPINS", str(_SPINS)).replace("BITS", str(PARTS_BITS))
    return text.replace("MASK", str((1 << PARTS_BITS) - 1))
