#include "cuda_emulator.h" // stands in for the toolkit's header of this name
