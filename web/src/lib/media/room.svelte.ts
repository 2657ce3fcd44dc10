/** The only user of livekit-client: joins, publishes, subscribes, and lets sound go before pictures. */
import {
  DefaultReconnectPolicy,
  DisconnectReason,
  Room,
  RoomEvent,
  Track,
  VideoPreset,
  type LocalTrack,
  type LocalVideoTrack,
  type Participant,
  type RemoteTrack,
  type RoomOptions,
} from 'livekit-client';
import { post, Refused, sentence } from '$lib/api/client';
import type { MediaToken } from '$lib/api/types';
import type { Line } from '$lib/ui/LineBars.svelte';
import { isRoomDevice, personOf } from './identity';
import { judge, pictures, step, type Pictures } from './line';
import { Meter } from './quality';

export interface Seat {
  identity: string;
  /** Null for the meeting room's own device. */
  person: string | null;
  room: boolean;
  name: string;
  camera: Track | null;
  screen: Track | null;
  microphone: boolean;
  speaking: boolean;
  own: boolean;
}

export type MediaState = 'off' | 'joining' | 'on' | 'lost' | 'removed' | 'elsewhere';

const WAITS_MS = [300, 1000, 2000, 4000, 8000];
// How soon the library tries to take a lost connection up again; ours wait for it at the port.
const RESUME_MS = [50, 150, 400, 1200, 2700, 4800, 7000];
const MEASURE_MS = 2000;

// Three layers of VP8: enough for a face, and the smallest still shows who it is.
const CAMERA = new VideoPreset(640, 360, 450_000, 24);
const LAYERS = [new VideoPreset(160, 90, 60_000, 12), new VideoPreset(320, 180, 160_000, 20)];
// For machines that carry many browsers at once.
const SMALL = new VideoPreset(320, 180, 120_000, 10);
const SMALL_LAYERS = [new VideoPreset(160, 90, 40_000, 10)];
const SCREEN = new VideoPreset(1280, 720, 800_000, 8);

export function smallCapture(): boolean {
  if (new URLSearchParams(location.search).get('capture') === 'small') return true;
  try {
    return localStorage.getItem('capture') === 'small';
  } catch {
    return false;
  }
}

function options(small: boolean): RoomOptions {
  const camera = small ? SMALL : CAMERA;
  return {
    adaptiveStream: true,
    dynacast: false,
    reconnectPolicy: new DefaultReconnectPolicy(RESUME_MS),
    videoCaptureDefaults: { resolution: camera.resolution, facingMode: 'user' },
    audioCaptureDefaults: {
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    },
    publishDefaults: {
      simulcast: true,
      videoCodec: 'vp8',
      backupCodec: false,
      videoEncoding: camera.encoding,
      videoSimulcastLayers: small ? SMALL_LAYERS : LAYERS,
      screenShareEncoding: SCREEN.encoding,
      screenShareSimulcastLayers: [],
      // The recorder writes plain Opus.
      red: false,
      dtx: true,
      audioPreset: { maxBitrate: 24_000, priority: 'high' },
    },
  };
}

export class MediaRoom {
  state = $state<MediaState>('off');
  seats = $state.raw<Seat[]>([]);
  microphone = $state(false);
  camera = $state(false);
  sharing = $state(false);
  line = $state<Line>('good');
  /** Pictures have given way to sound, because the line is weak. */
  paused = $state(false);
  /** The browser wants a press before it plays sound. */
  silent = $state(false);
  /** What went wrong with the own camera or microphone, as a name of the browser's error. */
  refusedDevice = $state('');
  trouble = $state('');

  #room: Room | null = null;
  #wanted = { camera: false, microphone: false, pictures: true };
  #meter = new Meter();
  #pictures: Pictures = pictures;
  #timer = 0;
  #retry = 0;
  #failures = 0;
  #left = false;
  /** Own camera and microphone on their way from a lost room to the next. */
  #kept: LocalTrack[] = [];
  #sounds = new Map<Track, HTMLMediaElement>();

  constructor(
    readonly session: string,
    readonly token: () => Promise<MediaToken> = () =>
      post<MediaToken>(`/api/sessions/${session}/media-token`),
  ) {}

  /** `pictures: false` is "listen only": no camera, no pictures from others. */
  async join(wanted: { camera: boolean; microphone: boolean; pictures: boolean }) {
    this.#wanted = { ...wanted };
    this.#left = false;
    addEventListener('pageshow', this.#again);
    addEventListener('online', this.#again);
    document.addEventListener('visibilitychange', this.#again);
    this.#timer = window.setInterval(() => void this.#measure(), MEASURE_MS);
    await this.#connect();
  }

  async leave() {
    this.#left = true;
    removeEventListener('pageshow', this.#again);
    removeEventListener('online', this.#again);
    document.removeEventListener('visibilitychange', this.#again);
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    await this.#drop();
    for (const track of this.#kept.splice(0)) track.stop();
    this.state = 'off';
  }

  async setMicrophone(on: boolean) {
    this.#wanted.microphone = on;
    await this.#device(() => this.#room?.localParticipant.setMicrophoneEnabled(on));
  }

  async setCamera(on: boolean) {
    this.#wanted.camera = on;
    if (on && this.paused) return;
    await this.#device(() => this.#room?.localParticipant.setCameraEnabled(on));
  }

  async share(on: boolean) {
    await this.#device(() =>
      this.#room?.localParticipant.setScreenShareEnabled(on, {
        audio: false,
        resolution: SCREEN.resolution,
      }),
    );
  }

  /** Must be called from a press. */
  async sound() {
    await this.#room?.startAudio();
  }

  get wantsCamera() {
    return this.#wanted.camera;
  }

  async #connect() {
    clearTimeout(this.#retry);
    if (this.#left || this.#room) return;
    this.state = this.state === 'on' || this.state === 'lost' ? 'lost' : 'joining';
    const room = new Room(options(smallCapture()));
    this.#room = room;
    this.#listen(room);
    try {
      const { url, token, ice_servers } = await this.token();
      await room.connect(url, token, {
        rtcConfig: ice_servers.length
          ? { iceServers: ice_servers as unknown as RTCIceServer[] }
          : undefined,
      });
      if (this.#room !== room) return void room.disconnect();
      this.#failures = 0;
      this.trouble = '';
      this.state = 'on';
      this.silent = !room.canPlaybackAudio;
      this.#allow();
      await this.#publish(room);
      this.#draw();
    } catch (error) {
      if (this.#room !== room) return;
      await this.#drop();
      if (error instanceof Refused && !error.again && error.status !== 429) {
        this.trouble = sentence(error);
        this.state = 'removed';
        return;
      }
      this.#later();
    }
  }

  async #publish(room: Room) {
    const { microphone, camera } = this.#wanted;
    for (const track of this.#kept.splice(0)) {
      await this.#device(() => room.localParticipant.publishTrack(track));
    }
    if (microphone) await this.#device(() => room.localParticipant.setMicrophoneEnabled(true));
    if (camera && !this.paused) {
      await this.#device(() => room.localParticipant.setCameraEnabled(true));
    }
  }

  async #device(act: () => Promise<unknown> | undefined) {
    this.refusedDevice = '';
    try {
      await act();
    } catch (error) {
      this.refusedDevice = error instanceof Error ? error.name : 'Error';
    }
    this.#draw();
  }

  #later() {
    if (this.#left) return;
    this.state = 'lost';
    const wait = WAITS_MS[Math.min(this.#failures++, WAITS_MS.length - 1)] ?? 8000;
    this.#retry = window.setTimeout(() => void this.#connect(), wait * (0.7 + 0.6 * Math.random()));
  }

  /** Back from a phone call, another page, or a dead line. */
  #again = () => {
    if (this.#left || document.visibilityState !== 'visible' || this.#room) return;
    if (this.state === 'lost') void this.#connect();
  };

  /**
   * The server no longer knows us. The library would join again and then wait two seconds before it
   * lets anything be seen; a room of its own is there in a fraction of that.
   */
  async #renew(room: Room) {
    if (this.#room !== room) return;
    const kept = [...room.localParticipant.trackPublications.values()].flatMap((publication) =>
      publication.track ? [publication.track as LocalTrack] : [],
    );
    await this.#drop(false);
    if (this.#left) {
      for (const track of kept) track.stop();
      return;
    }
    this.#kept.push(...kept);
    this.state = 'lost';
    await this.#connect();
  }

  async #drop(stop = true) {
    const room = this.#room;
    this.#room = null;
    for (const [track, element] of this.#sounds) track.detach(element);
    this.#sounds.clear();
    this.seats = [];
    this.microphone = this.camera = this.sharing = false;
    room?.removeAllListeners();
    await room?.disconnect(stop);
  }

  #listen(room: Room) {
    const draw = () => this.#draw();
    const events = [
      RoomEvent.ParticipantConnected,
      RoomEvent.ParticipantDisconnected,
      RoomEvent.TrackMuted,
      RoomEvent.TrackUnmuted,
      RoomEvent.TrackPublished,
      RoomEvent.TrackUnpublished,
      RoomEvent.LocalTrackPublished,
      RoomEvent.LocalTrackUnpublished,
      RoomEvent.ActiveSpeakersChanged,
    ] as const;
    for (const event of events) room.on(event, draw);
    room.on(RoomEvent.TrackPublished, () => this.#allow());
    room.on(RoomEvent.TrackSubscribed, (track) => this.#hear(track));
    room.on(RoomEvent.TrackUnsubscribed, (track) => this.#unhear(track));
    room.on(RoomEvent.Reconnecting, () => void this.#renew(room));
    room.on(RoomEvent.SignalReconnecting, () => (this.state = 'lost'));
    room.on(RoomEvent.Reconnected, () => {
      this.state = 'on';
      this.#draw();
    });
    room.on(RoomEvent.AudioPlaybackStatusChanged, () => (this.silent = !room.canPlaybackAudio));
    room.on(RoomEvent.Disconnected, (reason) => void this.#disconnected(room, reason));
  }

  async #disconnected(room: Room, reason?: DisconnectReason) {
    if (this.#room !== room) return;
    const joining = this.state === 'joining';
    await this.#drop();
    if (reason === DisconnectReason.PARTICIPANT_REMOVED) this.state = 'removed';
    else if (reason === DisconnectReason.DUPLICATE_IDENTITY) this.state = 'elsewhere';
    else if (!joining) this.#later();
  }

  #hear(track: RemoteTrack) {
    if (track.kind === Track.Kind.Audio) {
      const element = track.attach();
      element.hidden = true;
      document.body.append(element);
      this.#sounds.set(track, element);
    }
    this.#allow();
    this.#draw();
  }

  #unhear(track: RemoteTrack) {
    const element = this.#sounds.get(track);
    if (element) {
      track.detach(element);
      element.remove();
      this.#sounds.delete(track);
    }
    this.#draw();
  }

  #draw() {
    const room = this.#room;
    if (!room) return;
    const me = room.localParticipant;
    this.microphone = me.isMicrophoneEnabled;
    this.camera = me.isCameraEnabled;
    this.sharing = me.isScreenShareEnabled;
    this.seats = [me, ...room.remoteParticipants.values()].map((one) => seat(one, one === me));
  }

  /** Pictures are asked for only when they are wanted and the line carries them. */
  #allow() {
    for (const one of this.#room?.remoteParticipants.values() ?? []) {
      for (const publication of one.videoTrackPublications.values()) {
        // A shared page is content, not company: who only listens still sees it.
        const screen = publication.source === Track.Source.ScreenShare;
        const want = !this.paused && (screen || this.#wanted.pictures);
        // Not setEnabled: that would also ask for pictures which no tile shows.
        if (publication.isDesired !== want) publication.setSubscribed(want);
      }
    }
  }

  async #measure() {
    const room = this.#room;
    if (!room || this.state === 'joining') return;
    if (this.state === 'lost') {
      this.line = 'none';
      return;
    }
    const tracks = [...room.remoteParticipants.values(), room.localParticipant].flatMap((one) =>
      [...one.trackPublications.values()].flatMap((publication) => publication.track ?? []),
    );
    const reports = await Promise.all(
      tracks.map((track) => track.getRTCStatsReport().catch(() => undefined)),
    );
    if (this.#room !== room) return;
    const sample = this.#meter.sample(reports.filter((report) => report !== undefined));
    this.line = sample.loss === null && sample.rtt === null ? this.line : judge(sample);
    this.#pictures = step(this.#pictures, this.line);
    if (this.#pictures.paused !== this.paused) await this.#pause(this.#pictures.paused);
  }

  async #pause(paused: boolean) {
    this.paused = paused;
    this.#allow();
    if (this.#wanted.camera) {
      // Muted, not merely stopped: a camera that is "on" must deliver, or no vote can open.
      await this.#device(() => this.#room?.localParticipant.setCameraEnabled(!paused));
    }
    this.#draw();
  }
}

function seat(one: Participant, own: boolean): Seat {
  const shown = (source: Track.Source): Track | null => {
    const publication = one.getTrackPublication(source);
    if (!publication?.track || publication.isMuted) return null;
    return publication.track as LocalVideoTrack;
  };
  return {
    identity: one.identity,
    person: personOf(one.identity),
    room: isRoomDevice(one.identity),
    name: one.name ?? '',
    camera: shown(Track.Source.Camera),
    screen: shown(Track.Source.ScreenShare),
    microphone: one.isMicrophoneEnabled,
    speaking: one.isSpeaking,
    own,
  };
}
