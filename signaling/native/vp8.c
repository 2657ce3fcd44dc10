/* VP8: descriptors (RFC 7741 section 4.2), picture numbers and temporal layers of one receiver.
 *
 * Agrees with Vp8Numbers in signaling/sfu/codecs.py and with signaling/sfu/temporal.py.
 */

#include <string.h>

#include "internal.h"

#define WINDOW 2.0 /* seconds over which temporal rates are measured */
#define SYNC 0x20  /* the picture needs none above the lowest level */

/* Returns 0 if the descriptor is cut short or nothing follows it. */
int vp8_parse(vp8_t *found, const uint8_t *payload, int size)
{
    int at = 2, flags;
    found->picture = found->tl0 = found->tid_byte = NO_PICTURE;
    found->is_long = 0;
    if (size < 2)
        return 0;
    found->start = payload[0] & 0x10 && !(payload[0] & 0x0F);
    found->size = 1;
    if (!(payload[0] & 0x80))
        return 1;
    flags = payload[1];
    if (flags & 0x80) {
        if (at >= size)
            return 0;
        found->is_long = payload[at] >> 7;
        if (found->is_long) {
            if (at + 1 >= size)
                return 0;
            found->picture = get16(payload + at) & 0x7FFF;
        } else {
            found->picture = payload[at];
        }
        at += found->is_long ? 2 : 1;
    }
    if (flags & 0x40) {
        if (at >= size)
            return 0;
        found->tl0 = payload[at++];
    }
    if (flags & 0x30) {
        if (at >= size)
            return 0;
        found->tid_byte = payload[at++];
    }
    if (at >= size)
        return 0;
    found->size = at;
    return 1;
}

/* The number closest to `reference` whose low bits are `value`. */
static int64_t unwrap(int value, int64_t reference, int bits)
{
    int64_t span = (int64_t)1 << bits, delta = (value - reference) & (span - 1);
    return reference + (delta >= span / 2 ? delta - span : delta);
}

static int bits_of(const vp8_t *vp8) { return vp8->is_long ? 15 : 7; }

/* The receiver enters a layer: its pictures continue ours. */
void pictures_enter(outlet_t *outlet, const vp8_t *vp8)
{
    if (vp8->picture != NO_PICTURE) {
        int last = outlet->last_picture >= 0 ? outlet->last_picture : vp8->picture - 1;
        outlet->newest_picture = vp8->picture + (1 << 16);
        shifts_begin(&outlet->pictures, 0, last + 1 - vp8->picture);
    }
    if (vp8->tl0 != NO_PICTURE && outlet->last_tl0 >= 0)
        outlet->tl0_offset = outlet->last_tl0 + 1 - vp8->tl0;
}

/* A picture is left out: those after it take the numbers from its own on. */
void pictures_drop(outlet_t *outlet, const vp8_t *vp8)
{
    int64_t picture;
    shifts_t *shifts = &outlet->pictures;
    if (vp8->picture == NO_PICTURE)
        return;
    picture = unwrap(vp8->picture, outlet->newest_picture, bits_of(vp8));
    if (picture > outlet->newest_picture) {
        outlet->newest_picture = picture;
        shifts_add(shifts, picture + 1, shifts->offsets[shifts->count - 1] - 1);
    }
}

/* The numbers that a packet is to carry, where it has any. */
void pictures_map(outlet_t *outlet, const vp8_t *vp8, uint16_t *picture, uint8_t *tl0)
{
    *picture = 0;
    *tl0 = 0;
    if (vp8->picture != NO_PICTURE) {
        int64_t extended = unwrap(vp8->picture, outlet->newest_picture, bits_of(vp8)), offset;
        if (!shifts_find(&outlet->pictures, extended, &offset))
            offset = outlet->pictures.offsets[0];
        *picture = (uint16_t)((vp8->picture + offset) & (vp8->is_long ? 0x7FFF : 0x7F));
        /* A reordered older picture must not pull the next entry back onto used numbers. */
        if (extended >= outlet->newest_picture || outlet->last_picture < 0) {
            outlet->newest_picture = extended;
            outlet->last_picture = *picture;
        }
    }
    if (vp8->tl0 != NO_PICTURE) {
        *tl0 = (uint8_t)(vp8->tl0 + outlet->tl0_offset);
        outlet->last_tl0 = *tl0;
    }
}

/* Writes the numbers into a copied descriptor. */
void vp8_put(uint8_t *payload, const vp8_t *vp8, uint16_t picture, uint8_t tl0)
{
    int at = 2;
    if (vp8->picture != NO_PICTURE) {
        if (vp8->is_long) {
            put16(payload + at, 0x8000u | picture);
            at += 2;
        } else {
            payload[at++] = (uint8_t)picture;
        }
    }
    if (vp8->tl0 != NO_PICTURE)
        payload[at] = tl0;
}

static void temporal_measure(temporal_t *temporal, int level, int octets, int start, double now)
{
    uint64_t total = 0, sum = 0, pictures = 0;
    int index, top = 0;
    double span;
    temporal->octets[level] += (uint64_t)octets;
    temporal->pictures[level] += (uint64_t)start;
    if (temporal->began < 0)
        temporal->began = now;
    span = now - temporal->began;
    if (span < WINDOW)
        return;
    for (index = 0; index < LEVELS_OF_TIME; index++) {
        total += temporal->octets[index];
        if (temporal->octets[index])
            top = index;
    }
    for (index = 0; index <= top; index++) {
        sum += temporal->octets[index];
        pictures += temporal->pictures[index];
        temporal->shares[index] = (double)sum / (double)(total ? total : 1);
        temporal->rates[index] = (double)pictures / span;
    }
    temporal->levels = top + 1;
    temporal->rates_known = 1;
    memset(temporal->octets, 0, sizeof temporal->octets);
    memset(temporal->pictures, 0, sizeof temporal->pictures);
    temporal->began = now;
}

/* Whether this packet is to be sent. */
int temporal_passes(temporal_t *temporal, const vp8_t *vp8, int octets, double now)
{
    int level;
    if (vp8->tid_byte == NO_PICTURE)
        return 1;
    level = vp8->tid_byte >> 6;
    temporal_measure(temporal, level, octets, vp8->start, now);
    if (temporal->now > temporal->wanted)
        temporal->now = temporal->wanted;
    else if (temporal->now < temporal->wanted && vp8->start && level == temporal->now + 1) {
        if (vp8->tid_byte & SYNC)
            temporal->now = level;
    } else if (temporal->now < temporal->wanted && temporal->now >= temporal->levels - 1) {
        temporal->now = temporal->wanted; /* there is no higher level to wait for */
    }
    return level <= temporal->now;
}
