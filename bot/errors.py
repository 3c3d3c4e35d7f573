"""What can go wrong around the classifier.

RefereeError
├── InputError              a file, line or argument from outside that cannot be used
├── SettingsError           a setting that makes no sense
├── PolicyError             a policy file that contradicts itself
├── SpeechError             speech cannot be transcribed
│   ├── ClipRejected        this clip is not usable audio
│   │   ├── ClipTooLarge    it is larger than what is fetched
│   │   └── NoSoundTrack    it is a picture or a film without sound
│   └── SpeechModelMissing  there is no speech model to transcribe with
├── DiscordUnreachable      Discord does not answer
└── StoreError              the incident database cannot be used
    ├── UnknownIncident     no incident has this number
    ├── StoreBusy           another process holds the database
    ├── StoreReadOnly       the database or its folder cannot be written
    ├── StoreFull           no room is left on the disk
    ├── StoreDamaged        the file is not a database of ours
    ├── StoreTooNew         a newer version wrote the database
    ├── StoreUnreachable    the database server does not answer, or lets nobody in
    ├── WatchLost           another process watches now
    └── ContentKeyError     the key that encrypts content is missing, damaged or another one
"""


class RefereeError(Exception):
    """Base of every error that the bot raises on purpose."""


class InputError(RefereeError):
    """A file, line or argument from outside cannot be used."""


class SettingsError(RefereeError):
    """A setting makes no sense."""


class PolicyError(RefereeError):
    """A policy file contradicts itself."""


class SpeechError(RefereeError):
    """Speech cannot be transcribed."""


class ClipRejected(SpeechError):
    """A clip is not usable audio."""


class ClipTooLarge(ClipRejected):
    """A clip is larger than what is fetched."""


class NoSoundTrack(ClipRejected):
    """A clip is sound and whole, but there is no sound track in it: nothing can be said in it."""


class SpeechModelMissing(SpeechError):
    """There is no speech model to transcribe with."""


class DiscordUnreachable(RefereeError):
    """Discord does not answer, or not as it should."""


class StoreError(RefereeError):
    """The incident database cannot be used."""


class UnknownIncident(StoreError):
    """No incident has this number."""


class StoreBusy(StoreError):
    """Another process holds the database."""


class StoreReadOnly(StoreError):
    """The database or its folder cannot be written."""


class StoreFull(StoreError):
    """No room is left on the disk."""


class StoreDamaged(StoreError):
    """The file is not a database of ours, or is damaged."""


class StoreTooNew(StoreError):
    """A newer version of Referee wrote the database."""


class StoreUnreachable(StoreError):
    """The database server does not answer, or does not let us in."""


class WatchLost(StoreError):
    """Another process watches with this database now, so that this one may record nothing more."""


class ContentKeyError(StoreError):
    """The key that encrypts content is missing, damaged or another one."""
