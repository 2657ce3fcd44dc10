/* What Python sees of the native media path: read by the C compiler and, as it stands, by cffi.
 *
 * One thread only. Memory belongs to Python except the packets a relay keeps. Times are seconds of
 * the caller's clock. Sequence numbers of type int64_t are extended; they never wrap.
 */

#define MAX_PACKET 1500
#define TRAILER 144
#define BATCH 64
#define SLOTS 128
#define SEGMENTS 8
#define OFFSETS 64
#define LEVELS_OF_TIME 4
#define PADDING 224
#define PASSED 8
#define LEVELS 32
#define ARRIVALS 256
#define STREAMS 256

/* What Python has to look at itself. */
#define DATAGRAM 1
#define RTP 2
#define RTCP 3

#define OPAQUE 0
#define VP8 1

typedef struct relay relay_t;
typedef struct outlet outlet_t;

/* A known incoming SSRC of a transport, with the payload type of its media. */
typedef struct {
    uint32_t ssrc;
    int payload_type;
    relay_t *relay;
} stream_t;

/* One client's transport. `tx` NULL sends plain text, for tests; no address means that Python
 * sends what is protected, as over TCP. */
typedef struct {
    int id, open, plain;
    void *tx, *rx;
    int socket, address_size;
    uint8_t address[28];
    uint64_t sent_bytes, rejected;
    int transport_cc, level;
    stream_t *streams;
    int stream_count;
    int arrival_count;
    uint16_t arrival_numbers[ARRIVALS];
    double arrival_times[ARRIVALS];
    uint32_t last_ssrc;
} transport_t;

/* A packet kept for retransmission: header extensions as (number, size, value) items, payload. */
typedef struct {
    int64_t seq;
    double at;
    uint32_t timestamp;
    uint16_t extension_size, payload_size;
    uint8_t marker;
    uint8_t *data;
} kept_t;

/* One incoming stream: its figures, what it keeps, and who takes it. */
struct relay {
    int codec, started, muted, attention, paced;
    uint32_t ssrc;
    int64_t highest, first;
    uint64_t packets, octets;
    double clock_rate, last_packet, window, bitrate, jitter, transit;
    int level_count;
    uint8_t levels[LEVELS];
    uint32_t generation, mask;
    int64_t oldest;
    double keep;
    kept_t *ring;
    outlet_t **outlets;
    int outlet_count;
};

/* A packet sent: which incoming one it was, and what its header said that is not derived. For
 * padding `seq` holds the timestamp. */
typedef struct {
    uint32_t seq, send_time;
    uint16_t wire, number, segment, picture;
    uint8_t tl0, kind;
} sent_t;

#define SENT_MEDIA 1
#define SENT_PADDING 2

/* How numbers are mapped between two changes of layer. */
typedef struct {
    relay_t *relay;
    uint32_t generation, time_offset;
    uint16_t id;
} segment_t;

typedef struct {
    uint8_t number, own;
} passed_t;

/* Offsets in force from a number on; the last one is the newest. */
typedef struct {
    int count;
    int64_t starts[OFFSETS], offsets[OFFSETS];
} shifts_t;

/* The rules of signaling/sfu/temporal.py. */
typedef struct {
    int wanted, now, levels, rates_known;
    uint64_t octets[LEVELS_OF_TIME], pictures[LEVELS_OF_TIME];
    double began, shares[LEVELS_OF_TIME], rates[LEVELS_OF_TIME];
} temporal_t;

/* One stream as one subscriber gets it. */
struct outlet {
    transport_t *to;
    uint32_t ssrc, rtx_ssrc;
    int payload_type, rtx_payload_type;
    uint16_t rtx_seq;
    int abs_send_time, transport_cc, passed_count;
    passed_t passed[PASSED];
    int64_t highest, last_seq;
    shifts_t shifts;
    uint32_t time_offset, last_time;
    double last_sent;
    int mid_frame;
    int last_picture, last_tl0, tl0_offset;
    int64_t newest_picture;
    shifts_t pictures;
    temporal_t temporal;
    uint64_t packets, octets;
    uint64_t *log_counter;
    double *log_times;
    uint32_t *log_sizes;
    uint32_t log_mask, log_overhead;
    uint16_t segment;
    segment_t segments[SEGMENTS];
    uint32_t mask;
    sent_t *ring;
};

/* What `receive` leaves to Python. */
typedef struct {
    int kind, transport, size, address_size;
    uint8_t *data;
    uint8_t *address;
} item_t;

typedef struct media media_t;
typedef struct port port_t;

media_t *media_new(void);
void media_free(media_t *media);
uint64_t media_dropped(media_t *media);
/* The functions of the one libsrtp that made the sessions. */
void media_use_srtp(media_t *media, void *protect, void *unprotect, void *unprotect_rtcp);

port_t *port_new(uint64_t seed);
void port_free(port_t *port);
int port_listen(port_t *port, const uint8_t *address, int size, transport_t *transport);
void port_clear(port_t *port);

int media_receive(media_t *media, port_t *port, int fd, double now, item_t *items,
                  int *received);
int media_ingest(media_t *media, transport_t *transport, const uint8_t *data, int size,
                 double now, item_t *item);

/* To all who take a relay, or (`outlet` not NULL) to one alone. */
void media_forward(media_t *media, relay_t *relay, outlet_t *outlet, int64_t seq, int marker,
                   uint32_t timestamp, const uint8_t *extensions, int extension_size,
                   const uint8_t *payload, int payload_size, double now);
int media_pad(media_t *media, outlet_t *outlet, double now);
int media_resend(media_t *media, outlet_t *outlet, uint16_t wire, double now);
int media_flush(media_t *media);
int media_handed(media_t *media, int index, int *transport, uint8_t **data);
void media_handed_clear(media_t *media);

void relay_skip(relay_t *relay, int64_t seq);
void relay_restart(relay_t *relay);
void outlet_enter(outlet_t *outlet, relay_t *relay, int64_t seq, uint32_t time_offset,
                  const uint8_t *payload, int payload_size);
void outlet_forget(outlet_t *outlet);
void outlet_skip(outlet_t *outlet, int64_t seq);
int outlet_kept(outlet_t *outlet, uint16_t wire);
