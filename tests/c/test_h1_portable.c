/* The tests of http/h1_parse again, with the scanning that is used where there is no SSE2. */
#undef __SSE2__
#include "http/h1_parse.c"
#include "http/h1_parse_fields.c"
#include "http/h1_parse_line.c"

#include "test_h1_parse.c"
