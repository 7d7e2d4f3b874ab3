/* What nginx 1.22 did: for each key, or client, the peers in the order in which it tried them. Each table is
 * one run of one worker. */
#ifndef PX_TESTS_BALANCE_VECTORS_H
#define PX_TESTS_BALANCE_VECTORS_H

#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define X300 X50 X50 X50 X50 X50 X50

typedef struct vector {
    const char *key, *tries;
} vector;

/* ip_hash; peers: weight 1, weight 2, down, weight 1, weight 5. */
static const vector ip_hash_vectors[] = {
    {"1.2.3.4", "bead"},
    {"1.2.3.200", "bead"},
    {"0.0.0.0", "ebad"},
    {"127.0.0.1", "aebd"},
    {"10.0.0.1", "ebad"},
    {"192.168.1.77", "deba"},
    {"82.230.180.56", "bdea"},
    {"242.167.77.228", "ebda"},
    {"38.158.13.55", "deab"},
    {"101.19.39.14", "deba"},
    {"166.163.164.80", "baed"},
    {"12.92.127.208", "aebd"},
    {"18.139.47.51", "bead"},
    {"210.63.8.36", "dbea"},
    {"137.47.144.43", "dabe"},
    {"24.24.232.17", "ebad"},
    {"93.157.201.248", "beda"},
    {"149.49.152.93", "beda"},
    {"14.217.4.117", "dbea"},
    {"232.226.93.148", "edba"},
    {"::1", "ebad"},
    {"2001:db8::1", "aebd"},
    {"2001:db8::2", "bdea"},
    {"::ffff:1.2.3.4", "edba"},
    {"1600:a35a:999:50d8:36f6:75cc:81e7:4ef5", "deba"},
    {"3d9c:1724:11e2:b8f:6b0d:549b:6f03:675a", "ebad"},
    {"f21:ddb6:6cad:4a26:8d11:6ece:1738:f7d9", "ebad"},
    {"f28c:105d:1fb1:7c23:90c1:92cf:d3ac:94af", "edba"},
    {"953f:48f1:a09f:76b5:a170:b338:3926:3059", "bead"},
    {"95e6:af5:93bd:4cf:fd6:30f1:f29d:da9", "edab"},
    {"3898:d190:f9eb:dacc:cb1:e29c:658c:da14", "eadb"},
    {"2217:bead:dbc4:96cb:8e81:973e:bec:d7b0", "bdea"},
};

/* hash $arg_k; the same peers. */
static const vector hash_vectors[] = {
    {"a", "ebad"},       {"key", "dbea"},        {"/index.html", "adbe"}, {"0", "edab"},
    {"%00%ff", "eadb"},  {"user-12345", "eabd"}, {X300, "ebda"},          {"k303677", "ebda"},
    {"k439499", "ebad"}, {"k151262", "ebda"},    {"k566950", "edba"},     {"k123514", "eabd"},
    {"k598646", "ebda"}, {"k323466", "aebd"},    {"k587472", "deab"},     {"k855770", "beda"},
    {"k715131", "ebda"}, {"k189505", "ebda"},    {"k108061", "beda"},     {"k609851", "beda"},
    {"k598951", "baed"}, {"k669949", "edba"},    {"k196997", "ebad"},     {"k390487", "ebad"},
};

/* hash $arg_k consistent; peers: 127.0.0.11:1, 127.0.0.12:1 weight=2, unix:/nonexistent/a.sock, [::1]:1,
 * 127.0.0.15:1 weight=5. */
static const vector consistent_vectors[] = {
    {"a", "deabc"},       {"key", "bedac"},        {"/index.html", "ebcad"}, {"0", "dbeac"},
    {"%00%ff", "ebdac"},  {"user-12345", "aebdc"}, {X300, "cbead"},          {"k303677", "eadcb"},
    {"k439499", "eacbd"}, {"k151262", "adebc"},    {"k566950", "abedc"},     {"k123514", "dbeca"},
    {"k598646", "ecbad"}, {"k323466", "adcbe"},    {"k587472", "ecdab"},     {"k855770", "ebacd"},
    {"k715131", "ecadb"}, {"k189505", "cedba"},    {"k108061", "edbac"},     {"k609851", "debac"},
    {"k598951", "eabcd"}, {"k669949", "ebadc"},    {"k196997", "ebadc"},     {"k390487", "ebcda"},
};

#endif
