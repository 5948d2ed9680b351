// A vector is a warp: one register of each of its 32 threads.
template <class T> using W = T;
FN u32 lane() { return threadIdx.x & 31; }
FN float half_to_float(f16 x) { float y; asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits)); return y; }
FN f16 float_to_half(float x) { f16 y; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x)); return y; }
template <class T> FN T wide(T x) { return x; }
template <class T> FN T counting(u64 step) { return (T)(lane() * step); }
template <class T> FN T lane_of(T x, int i) { return __shfl_sync(~0u, x, i); }
template <class T> FN T lanes_from(T x, int n) { return __shfl_down_sync(~0u, x, n); }
template <> FN u8 lane_of(u8 x, int i) { return (u8)__shfl_sync(~0u, (u32)x, i); }
template <> FN u8 lanes_from(u8 x, int n) { return (u8)__shfl_down_sync(~0u, (u32)x, n); }
template <> FN u16 lane_of(u16 x, int i) { return (u16)__shfl_sync(~0u, (u32)x, i); }
template <> FN u16 lanes_from(u16 x, int n) { return (u16)__shfl_down_sync(~0u, (u32)x, n); }
template <> FN bool lane_of(bool x, int i) { return __shfl_sync(~0u, (u32)x, i) != 0; }
template <> FN bool lanes_from(bool x, int n) { return __shfl_down_sync(~0u, (u32)x, n) != 0; }
FN void together() { __syncwarp(); }
FN bool any_lane(bool x) { return __any_sync(~0u, x); }
template <class T> FN T load_one(u64 at) { return *(const T*)at; }
template <class T> FN T load_wide(u64 at) { return ((const T*)at)[lane()]; }
template <class T> FN T load_wide(u64 at, bool on) { return on ? ((const T*)at)[lane()] : T(); }
template <class T, class I> FN T gather(u64 at, I index) { return ((const T*)at)[index]; }
template <class T, class I> FN T gather(u64 at, I index, bool on) { return on ? ((const T*)at)[index] : T(); }
template <class T> FN void store_one(u64 at, T x) { if (!lane()) *(T*)at = x; }
template <class T> FN void store_wide(u64 at, T x) { ((T*)at)[lane()] = x; }
template <class T> FN void store_wide(u64 at, T x, bool on) { if (on) ((T*)at)[lane()] = x; }
// A kernel over units of work, a warp for each; and one over indices, a thread for each.
#define KERNEL(name, count) \
  struct name##_words { u64 at[(count) + 1]; }; \
  FN void name##_units(const u64* words, u64 start, u64 stop); \
  extern "C" __global__ void __launch_bounds__(256) name(const __grid_constant__ name##_words words) { \
    const u64 step = ((u64)gridDim.x * blockDim.x) >> 5; \
    for (u64 at = ((u64)blockIdx.x * blockDim.x + threadIdx.x) >> 5; at < words.at[count]; at += step) \
      name##_units(words.at, at, at + 1); \
  } \
  FN void name##_units(const u64* words, u64 start, u64 stop)
#define GRID(name, count) \
  struct name##_words { u64 at[count]; }; \
  FN void name##_all(const u64* words); \
  extern "C" __global__ void __launch_bounds__(256) name(const __grid_constant__ name##_words words) { name##_all(words.at); } \
  FN void name##_all(const u64* words)
#define EACH_INDEX(i, count) \
  for (ix i = (ix)(blockIdx.x * blockDim.x + threadIdx.x); i < (ix)(count); i += (ix)(gridDim.x * blockDim.x))
