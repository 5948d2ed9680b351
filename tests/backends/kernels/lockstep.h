// In place of `warp.h`: the 32 lanes of a warp side by side, each step done by all.
// Lanes that a part of a vector lacks are filled with what must not matter.
enum { LANES = 32 };
template <class T> struct W { T v[LANES]; };
#define EACH for (int i = 0; i < LANES; ++i)
template <class T> FN W<T> wide(T x) { W<T> y; EACH y.v[i] = x; return y; }
template <class T> FN W<T> counting(u64 step) { W<T> y; EACH y.v[i] = (T)(i * step); return y; }
template <class T> FN T lane_of(W<T> x, int n) { return x.v[n]; }
template <class T> FN W<T> lanes_from(W<T> x, int n) {
  W<T> y;
  EACH y.v[i] = i + n < LANES ? x.v[i + n] : x.v[i];  // as a shuffle gives it
  return y;
}
FN void together() {}
FN bool any_lane(W<bool> x) { bool y = false; EACH y |= x.v[i]; return y; }

FN float half_to_float(f16 x) { _Float16 h; memcpy(&h, &x.bits, 2); return (float)h; }
FN f16 float_to_half(float x) { _Float16 h = (_Float16)x; f16 y; memcpy(&y.bits, &h, 2); return y; }
FN W<float> half_to_float(W<f16> x) { W<float> y; EACH y.v[i] = half_to_float(x.v[i]); return y; }
FN W<f16> float_to_half(W<float> x) { W<f16> y; EACH y.v[i] = float_to_half(x.v[i]); return y; }

template <class T> FN T load_one(u64 at) { T y; memcpy(&y, (const void*)at, sizeof y); return y; }
template <class T> FN W<T> load_wide(u64 at) { W<T> y; memcpy(&y, (const void*)at, sizeof y); return y; }
template <class T> FN W<T> load_wide(u64 at, W<bool> on) {
  W<T> y;
  EACH y.v[i] = on.v[i] ? load_one<T>(at + i * sizeof(T)) : T();
  return y;
}
template <class T, class I> FN W<T> gather(u64 at, W<I> index, W<bool> on) {
  W<T> y;
  EACH y.v[i] = on.v[i] ? load_one<T>(at + (u64)index.v[i] * sizeof(T)) : T();
  return y;
}
template <class T, class I> FN W<T> gather(u64 at, W<I> index) { return gather<T>(at, index, wide<bool>(true)); }
template <class T> FN void store_one(u64 at, T x) { memcpy((void*)at, &x, sizeof x); }
template <class T> FN void store_wide(u64 at, W<T> x) { memcpy((void*)at, &x, sizeof x); }
template <class T> FN void store_wide(u64 at, W<T> x, W<bool> on) { EACH if (on.v[i]) store_one(at + i * sizeof(T), x.v[i]); }

#define LIFT1(f) template <class T> FN W<T> f(W<T> a) { W<T> y; EACH y.v[i] = f(a.v[i]); return y; }
#define LIFT2(f) template <class T> FN W<T> f(W<T> a, W<T> b) { W<T> y; EACH y.v[i] = f(a.v[i], b.v[i]); return y; }
#define LIFT3(f) template <class T> FN W<T> f(W<T> a, W<T> b, W<T> c) { W<T> y; EACH y.v[i] = f(a.v[i], b.v[i], c.v[i]); return y; }
#define LIFTB(f) template <class T> FN W<bool> f(W<T> a, W<T> b) { W<bool> y; EACH y.v[i] = f(a.v[i], b.v[i]); return y; }
#define LIFTC(f) template <class T, class S> FN W<T> f(W<S> a) { W<T> y; EACH y.v[i] = f<T, S>(a.v[i]); return y; }
LIFT1(op_fneg) LIFT1(op_fabs) LIFT1(op_sqrt) LIFT1(op_floor) LIFT1(op_ceil) LIFT1(op_roundeven)
LIFT2(op_add) LIFT2(op_sub) LIFT2(op_mul) LIFT2(op_udiv) LIFT2(op_urem) LIFT2(op_sdiv) LIFT2(op_srem)
LIFT2(op_and) LIFT2(op_or) LIFT2(op_xor) LIFT2(op_shl) LIFT2(op_lshr) LIFT2(op_ashr) LIFT2(op_smin)
LIFT2(op_fadd) LIFT2(op_fsub) LIFT2(op_fmul) LIFT2(op_fdiv) LIFT2(op_frem)
LIFT2(op_maximum) LIFT2(op_minimum) LIFT2(op_copysign) LIFT3(op_fmuladd) LIFT3(op_fma)
LIFTB(is_eq) LIFTB(is_ne) LIFTB(is_slt) LIFTB(is_sle) LIFTB(is_sgt) LIFTB(is_sge) LIFTB(is_ult) LIFTB(is_ule) LIFTB(is_ugt) LIFTB(is_uge)
LIFTB(is_oeq) LIFTB(is_olt) LIFTB(is_ole) LIFTB(is_ogt) LIFTB(is_oge) LIFTB(is_une) LIFTB(is_ord) LIFTB(is_uno)
LIFTC(to_cut) LIFTC(to_sext) LIFTC(to_sitofp) LIFTC(to_bits) LIFTC(to_signed) LIFTC(to_unsigned)
LIFT1(m_asin) LIFT1(m_acos) LIFT1(m_atan) LIFT1(m_sin) LIFT1(m_cos) LIFT1(m_tan) LIFT1(m_sinh) LIFT1(m_cosh)
LIFT1(m_asinh) LIFT1(m_acosh) LIFT1(m_atanh) LIFT1(m_erf) LIFT1(m_lgamma) LIFT2(m_atan2) LIFT2(m_pow) LIFT2(m_nextafter)
LIFT1(m_erfinv) LIFT1(m_digamma) LIFT2(m_pow_signed) LIFT2(m_pow_unsigned) LIFT2(m_next_f16) LIFT2(m_next_bf16)
template <class T> FN W<T> op_select(W<bool> c, W<T> a, W<T> b) { W<T> y; EACH y.v[i] = c.v[i] ? a.v[i] : b.v[i]; return y; }

// A grid of one warp a block: blocks take units in turn, the last ones first, so that
// what holds in one order alone comes out wrong.
#define KERNEL(name, count) \
  FN void name##_units(const u64* words, u64 start, u64 stop); \
  extern "C" void name(const u64* words, u64 warps) { \
    for (u64 warp = warps; warp-- > 0;) \
      for (u64 at = warp; at < words[count]; at += warps) name##_units(words, at, at + 1); \
  } \
  FN void name##_units(const u64* words, u64 start, u64 stop)
#define GRID(name, count) extern "C" void name(const u64* words, u64 warps)
#define EACH_INDEX(i, count) for (ix i = 0; i < (ix)(count); ++i)
