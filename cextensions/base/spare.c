/* See spare.h. */
#include "base/spare.h"

bool (*px_spare_descriptors)(void) = NULL;
