/* Made by cextensions/generate.py from proxyd/__init__.py. Do not edit. */
#ifndef PX_GENERATED_VERSION_H
#define PX_GENERATED_VERSION_H

#define PX_VERSION "0.1.0"
/* The nginx whose language this is. */
#define PX_LANGUAGE "1.31.5"

#endif
