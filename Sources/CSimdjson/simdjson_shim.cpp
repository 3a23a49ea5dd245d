#include "include/simdjson_shim.h"
