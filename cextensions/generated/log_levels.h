/* Made by cextensions/generate.py from proxyd/config/levels.py. Do not edit. */
#ifndef PX_GENERATED_LOG_LEVELS_H
#define PX_GENERATED_LOG_LEVELS_H

enum px_log_level {
    PX_LOG_EMERG = 1,
    PX_LOG_ALERT = 2,
    PX_LOG_CRIT = 3,
    PX_LOG_ERROR = 4,
    PX_LOG_WARN = 5,
    PX_LOG_NOTICE = 6,
    PX_LOG_INFO = 7,
    PX_LOG_DEBUG = 8,
};

/* X(constant, name) for each, in the order of the numbers. */
#define PX_LOG_LEVEL_LIST(X) \
    X(PX_LOG_EMERG, "emerg") \
    X(PX_LOG_ALERT, "alert") \
    X(PX_LOG_CRIT, "crit") \
    X(PX_LOG_ERROR, "error") \
    X(PX_LOG_WARN, "warn") \
    X(PX_LOG_NOTICE, "notice") \
    X(PX_LOG_INFO, "info") \
    X(PX_LOG_DEBUG, "debug")

#endif
