/* What the parts of the native media path share. */

#ifndef CHIBO_MEDIA_INTERNAL_H
#define CHIBO_MEDIA_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "media.h"

#define SLOT (MAX_PACKET + TRAILER + 12)
#define NO_PICTURE (-1)

/* A packet taken apart. Header extensions are found by number; size 0 means absent. */
typedef struct {
    int payload_type, marker, payload_size, extension_count;
    uint16_t seq;
    uint32_t timestamp, ssrc;
    const uint8_t *payload;
    uint8_t numbers[255], sizes[256], listed[32];
    const uint8_t *values[256];
} packet_t;

/* The VP8 payload descriptor, RFC 7741 section 4.2; -1 where a field is absent. */
typedef struct {
    int size, start, picture, is_long, tl0, tid_byte;
} vp8_t;

/* An outgoing datagram; its address is a copy, for the transport may close before it leaves. */
typedef struct {
    int socket, address_size, size;
    uint8_t address[28];
    uint8_t data[SLOT];
} slot_t;

int packet_parse(packet_t *packet, const uint8_t *data, int size);
int packet_load(packet_t *packet, const uint8_t *items, int size);
int packet_items_size(const packet_t *packet);
void packet_store(const packet_t *packet, uint8_t *items);
int vp8_parse(vp8_t *found, const uint8_t *payload, int size);

/* Room for one outgoing packet; `slot_send` protects and queues what was written there. */
uint8_t *slot_next(media_t *media);
void slot_send(media_t *media, transport_t *to, int size);

/* Temporal layers and picture numbers, in vp8.c. */
int temporal_passes(temporal_t *temporal, const vp8_t *vp8, int octets, double now);
void pictures_enter(outlet_t *outlet, const vp8_t *vp8);
void pictures_drop(outlet_t *outlet, const vp8_t *vp8);
void pictures_map(outlet_t *outlet, const vp8_t *vp8, uint16_t *picture, uint8_t *tl0);
void vp8_put(uint8_t *payload, const vp8_t *vp8, uint16_t picture, uint8_t tl0);

void shifts_begin(shifts_t *shifts, int64_t start, int64_t offset);
void shifts_add(shifts_t *shifts, int64_t start, int64_t offset);
int shifts_find(const shifts_t *shifts, int64_t number, int64_t *offset);

void forward(media_t *media, relay_t *relay, const packet_t *packet, int64_t seq, double now);
int relay_receive(media_t *media, relay_t *relay, const packet_t *packet, double now);

static inline uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static inline uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

#endif
