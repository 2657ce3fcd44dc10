/* Sockets, SRTP and addresses: what comes in by the batch, what goes out by the batch. */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"

#define DATAGRAM_SIZE 2048
#define MAX_HANDED (8 << 20) /* bytes waiting for Python to send them */
#define SRTP_OK 0

typedef int (*srtp_function)(void *session, void *packet, int *size);

typedef struct {
    uint8_t bytes[28];
    int size;
    transport_t *transport;
} place_t;

typedef struct {
    int transport, size;
    size_t at;
} handed_t;

struct port {
    uint64_t seed;
    place_t *places;
    uint32_t count, room;
};

struct media {
    srtp_function protect, unprotect, unprotect_rtcp;
    uint64_t dropped;
    slot_t slots[SLOTS];
    int slot_count;
    uint8_t *handed_data;
    size_t handed_size, handed_room;
    handed_t *handed;
    int handed_count, handed_slots;
    struct sockaddr_storage from[BATCH];
    uint8_t incoming[BATCH][DATAGRAM_SIZE];
};

media_t *media_new(void) { return calloc(1, sizeof(media_t)); }

void media_use_srtp(media_t *media, void *protect, void *unprotect, void *unprotect_rtcp)
{
    /* POSIX lets a data pointer carry a function. */
    memcpy(&media->protect, &protect, sizeof media->protect);
    memcpy(&media->unprotect, &unprotect, sizeof media->unprotect);
    memcpy(&media->unprotect_rtcp, &unprotect_rtcp, sizeof media->unprotect_rtcp);
}

void media_free(media_t *media)
{
    if (media) {
        free(media->handed_data);
        free(media->handed);
        free(media);
    }
}

uint64_t media_dropped(media_t *media) { return media->dropped; }

/* Addresses: an open hash table, at most half full. Python fills it anew when one goes. */

port_t *port_new(uint64_t seed)
{
    port_t *port = calloc(1, sizeof *port);
    if (port)
        port->seed = seed;
    return port;
}

void port_free(port_t *port)
{
    if (port) {
        free(port->places);
        free(port);
    }
}

static int address_size(const struct sockaddr_storage *from)
{
    return from->ss_family == AF_INET ? 8 : from->ss_family == AF_INET6 ? 28 : 0;
}

static uint32_t address_hash(const port_t *port, const uint8_t *bytes, int size)
{
    uint64_t hash = port->seed;
    int index;
    for (index = 0; index < size; index++)
        hash = (hash ^ bytes[index]) * 0x100000001B3ULL;
    return (uint32_t)(hash ^ hash >> 32);
}

static place_t *place_of(port_t *port, const uint8_t *bytes, int size)
{
    uint32_t mask = port->room - 1, at = address_hash(port, bytes, size) & mask;
    while (port->places[at].transport &&
           (port->places[at].size != size || memcmp(port->places[at].bytes, bytes, (size_t)size)))
        at = (at + 1) & mask;
    return &port->places[at];
}

static int port_grow(port_t *port)
{
    place_t *before = port->places;
    uint32_t room = port->room, index;
    place_t *places = calloc(room ? room * 2 : 64, sizeof *places);
    if (!places)
        return 0;
    port->places = places;
    port->room = room ? room * 2 : 64;
    for (index = 0; index < room; index++)
        if (before[index].transport)
            *place_of(port, before[index].bytes, before[index].size) = before[index];
    free(before);
    return 1;
}

/* What comes from `address` (the first 8 bytes of sockaddr_in, 28 of sockaddr_in6) is the
 * transport's. Returns 0 if there is no memory. */
int port_listen(port_t *port, const uint8_t *address, int size, transport_t *transport)
{
    place_t *place;
    if (size < 0 || size > (int)sizeof place->bytes ||
        (2 * (port->count + 1) > port->room && !port_grow(port)))
        return 0;
    place = place_of(port, address, size);
    port->count += !place->transport;
    memcpy(place->bytes, address, (size_t)size);
    place->size = size;
    place->transport = transport;
    return 1;
}

void port_clear(port_t *port)
{
    if (port->places)
        memset(port->places, 0, port->room * sizeof *port->places);
    port->count = 0;
}

static transport_t *transport_at(port_t *port, const struct sockaddr_storage *from)
{
    int size = address_size(from);
    return port->count && size ? place_of(port, (const uint8_t *)from, size)->transport : NULL;
}

/* Sending */

uint8_t *slot_next(media_t *media)
{
    if (media->slot_count == SLOTS)
        media_flush(media);
    return media->slots[media->slot_count].data;
}

/* Puts a packet aside for Python to send, as over TCP. */
static void hand_over(media_t *media, const transport_t *to, const uint8_t *data, int size)
{
    size_t needed = media->handed_size + (size_t)size;
    if (needed > MAX_HANDED) {
        media->dropped++;
        return;
    }
    if (needed > media->handed_room) {
        size_t room = needed * 2;
        uint8_t *grown = realloc(media->handed_data, room);
        if (!grown)
            return;
        media->handed_data = grown;
        media->handed_room = room;
    }
    if (media->handed_count == media->handed_slots) {
        int slots = media->handed_slots ? media->handed_slots * 2 : 64;
        handed_t *grown = realloc(media->handed, (size_t)slots * sizeof *grown);
        if (!grown)
            return;
        media->handed = grown;
        media->handed_slots = slots;
    }
    memcpy(media->handed_data + media->handed_size, data, (size_t)size);
    media->handed[media->handed_count].transport = to->id;
    media->handed[media->handed_count].size = size;
    media->handed[media->handed_count].at = media->handed_size;
    media->handed_count++;
    media->handed_size = needed;
}

void slot_send(media_t *media, transport_t *to, int size)
{
    slot_t *slot = &media->slots[media->slot_count];
    if (!to->open)
        return;
    if (to->plain) {
        hand_over(media, to, slot->data, size);
        return;
    }
    if (!to->tx || media->protect(to->tx, slot->data, &size) != SRTP_OK)
        return;
    to->sent_bytes += (uint64_t)size;
    if (!to->address_size) {
        hand_over(media, to, slot->data, size);
        return;
    }
    slot->socket = to->socket;
    slot->address_size = to->address_size;
    memcpy(slot->address, to->address, sizeof slot->address);
    slot->size = size;
    media->slot_count++;
}

/* One call for a run of packets that leave by the same socket. What the kernel does not take is
 * dropped: the receiver's feedback deals with loss. */
static void send_run(media_t *media, slot_t *slots, int count)
{
    struct mmsghdr messages[SLOTS];
    struct iovec parts[SLOTS];
    int index, sent;
    for (index = 0; index < count; index++) {
        parts[index].iov_base = slots[index].data;
        parts[index].iov_len = (size_t)slots[index].size;
        memset(&messages[index], 0, sizeof messages[index]);
        messages[index].msg_hdr.msg_name = slots[index].address;
        messages[index].msg_hdr.msg_namelen = slots[index].address_size == 8
                                                  ? sizeof(struct sockaddr_in)
                                                  : sizeof(struct sockaddr_in6);
        messages[index].msg_hdr.msg_iov = &parts[index];
        messages[index].msg_hdr.msg_iovlen = 1;
    }
    for (index = 0; index < count;) {
        sent = sendmmsg(slots[0].socket, messages + index, (unsigned)(count - index),
                        MSG_DONTWAIT);
        if (sent > 0) {
            index += sent;
        } else if (errno != EINTR) {
            media->dropped++;
            index++;
        }
    }
}

/* Sends what is queued. Returns how many packets wait for Python to send them. */
int media_flush(media_t *media)
{
    int first = 0, after;
    while (first < media->slot_count) {
        for (after = first + 1; after < media->slot_count; after++)
            if (media->slots[after].socket != media->slots[first].socket)
                break;
        send_run(media, media->slots + first, after - first);
        first = after;
    }
    media->slot_count = 0;
    return media->handed_count;
}

/* A packet for Python to send: its size, or -1 past the last one. */
int media_handed(media_t *media, int index, int *transport, uint8_t **data)
{
    if (index < 0 || index >= media->handed_count)
        return -1;
    *transport = media->handed[index].transport;
    *data = media->handed_data + media->handed[index].at;
    return media->handed[index].size;
}

void media_handed_clear(media_t *media)
{
    media->handed_count = 0;
    media->handed_size = 0;
}

/* Receiving */

static relay_t *relay_of(const transport_t *transport, const packet_t *packet)
{
    int index;
    for (index = 0; index < transport->stream_count; index++) {
        const stream_t *stream = &transport->streams[index];
        if (stream->ssrc == packet->ssrc)
            return stream->payload_type == packet->payload_type &&
                           stream->relay->ssrc == packet->ssrc
                       ? stream->relay
                       : NULL;
    }
    return NULL;
}

/* Handles a decrypted packet if it is the next one of a known stream. */
static int take(media_t *media, transport_t *transport, const packet_t *packet, double now)
{
    relay_t *relay = relay_of(transport, packet);
    int reports = transport->transport_cc && packet->sizes[transport->transport_cc] == 2;
    int heard = transport->level && packet->sizes[transport->level];
    if (!relay || (reports && transport->arrival_count == ARRIVALS) ||
        (heard && relay->level_count == LEVELS) || !relay_receive(media, relay, packet, now))
        return 0;
    if (reports) {
        transport->arrival_numbers[transport->arrival_count] =
            get16(packet->values[transport->transport_cc]);
        transport->arrival_times[transport->arrival_count++] = now;
        transport->last_ssrc = packet->ssrc;
    }
    if (heard && !relay->muted)
        relay->levels[relay->level_count++] = packet->values[transport->level][0] & 0x7F;
    return 1;
}

/* Decrypts in place and handles what needs no decision. Returns whether `item` is for Python. */
static int ingest(media_t *media, transport_t *transport, uint8_t *data, int size, double now,
                  item_t *item)
{
    packet_t packet;
    int is_rtcp;
    if (size < 12 || size > MAX_PACKET || !transport->open || !(transport->rx || transport->plain))
        return 0;
    is_rtcp = (data[1] & 0x7F) >= 64 && (data[1] & 0x7F) < 96; /* RFC 5761 section 4 */
    if (transport->rx) {
        srtp_function open = is_rtcp ? media->unprotect_rtcp : media->unprotect;
        if (open(transport->rx, data, &size) != SRTP_OK) {
            transport->rejected++; /* forged or replayed */
            return 0;
        }
    }
    if (!is_rtcp && (!packet_parse(&packet, data, size) || take(media, transport, &packet, now)))
        return 0;
    item->kind = is_rtcp ? RTCP : RTP;
    item->transport = transport->id;
    item->data = data;
    item->size = size;
    item->address_size = 0;
    return 1;
}

/* One packet that came over TCP. `item` stays good until the next call. */
int media_ingest(media_t *media, transport_t *transport, const uint8_t *data, int size,
                 double now, item_t *item)
{
    if (size < 0 || size > DATAGRAM_SIZE)
        return 0;
    memcpy(media->incoming[0], data, (size_t)size);
    return ingest(media, transport, media->incoming[0], size, now, item);
}

/* A datagram that is not media: checks from anybody, DTLS records from known clients only. */
static int sort_out(media_t *media, int index, int size, transport_t *transport, double now,
                    item_t *item)
{
    uint8_t *data = media->incoming[index];
    if (!size)
        return 0;
    if (transport && data[0] > 127 && data[0] < 192)
        return ingest(media, transport, data, size, now, item);
    if (data[0] >= 4 && !(transport && data[0] > 19 && data[0] < 64))
        return 0;
    item->kind = DATAGRAM;
    item->transport = transport ? transport->id : -1;
    item->data = data;
    item->size = size;
    item->address = (uint8_t *)&media->from[index];
    item->address_size = address_size(&media->from[index]);
    return item->address_size > 0;
}

/* Reads up to BATCH datagrams. Returns how many `items` are for Python, -1 for a socket error;
 * `received` says how many there were. Items stay good until the next call. */
int media_receive(media_t *media, port_t *port, int fd, double now, item_t *items,
                  int *received)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    int index, count, found = 0;
    for (index = 0; index < BATCH; index++) {
        parts[index].iov_base = media->incoming[index];
        parts[index].iov_len = DATAGRAM_SIZE;
        memset(&messages[index], 0, sizeof messages[index]);
        messages[index].msg_hdr.msg_name = &media->from[index];
        messages[index].msg_hdr.msg_namelen = sizeof media->from[index];
        messages[index].msg_hdr.msg_iov = &parts[index];
        messages[index].msg_hdr.msg_iovlen = 1;
    }
    *received = 0;
    count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (count < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    *received = count;
    for (index = 0; index < count; index++) {
        if (messages[index].msg_hdr.msg_flags & MSG_TRUNC)
            continue;
        found += sort_out(media, index, (int)messages[index].msg_len,
                          transport_at(port, &media->from[index]), now, &items[found]);
    }
    return found;
}
