/* Intrusive doubly linked list. A node that is in no list points to itself. */
#ifndef PX_BASE_LIST_H
#define PX_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct px_list {
    struct px_list *next, *previous;
} px_list;

#define PX_CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void px_list_init(px_list *list)
{
    list->next = list->previous = list;
}

static inline bool px_list_empty(const px_list *list)
{
    return list->next == list;
}

static inline void px_list_unlink(px_list *node)
{
    node->next->previous = node->previous;
    node->previous->next = node->next;
    px_list_init(node);
}

/* Puts node (in no list) at the end, before list's head. */
static inline void px_list_append(px_list *list, px_list *node)
{
    node->previous = list->previous;
    node->next = list;
    list->previous->next = node;
    list->previous = node;
}

static inline void px_list_prepend(px_list *list, px_list *node)
{
    px_list_append(list->next, node);
}

/* Moves all nodes of `from` to the end of list. */
static inline void px_list_splice(px_list *list, px_list *from)
{
    if (px_list_empty(from))
        return;
    from->next->previous = list->previous;
    list->previous->next = from->next;
    from->previous->next = list;
    list->previous = from->previous;
    px_list_init(from);
}

#endif
