/* Runs a target over files, and over each beginning of short ones: what `make replay` does where there is
 * no libFuzzer. Usage: replay_<target> FILE... */
#include "fuzz.h"

#define SHORT 512u

static const char *running;

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    uint8_t *bytes = NULL;
    size_t size = 0, got;
    do {
        bytes = realloc(bytes, size + 65536);
        if (bytes == NULL)
            abort();
        got = fread(bytes + size, 1, 65536, file);
        size += got;
    } while (got > 0);
    fclose(file);
    running = path;
    for (size_t cut = size < SHORT ? 0 : size; cut <= size; cut++) {
        uint8_t *exact = fuzz_copy(bytes, cut);
        LLVMFuzzerTestOneInput(exact, cut);
        free(exact);
    }
    free(bytes);
}

static void tell_input(void)
{
    if (running != NULL)
        fprintf(stderr, "while replaying %s\n", running);
}

int main(int argc, char **argv)
{
    atexit(tell_input);
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    running = NULL;
    printf("%s: %d files\n", argv[0], argc - 1);
    return argc > 1 ? 0 : 1;
}
