// CUDA's side of the headers: what `scalars.h` needs before it.
#define FN __device__ __forceinline__
#define NAN_F __int_as_float(0x7fffffff)
#define INFINITY_F __int_as_float(0x7f800000)
