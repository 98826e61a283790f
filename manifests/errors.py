"""The errors taskpaint raises.

TaskpaintError                 anything a user can cause; the message is one sentence with the remedy
├── UsageError                 a wrong option or input, seen before any work (exit code 2)
│   ├── RecipeError            a recipe that does not hold; carries file and line
│   ├── SourceLayoutError      a folder that is not in the dataset's official layout
│   ├── TemplateError          a template bank that does not hold
│   ├── LicenseError           a source's licence forbids what was asked
│   └── PluginError            an unknown name, or two things with one name
├── BuildError                 a run that cannot go on (exit code 1)
│   ├── ResumeError            the folder was begun with other options
│   ├── FolderBusyError        another run is writing to the folder
│   ├── OutputError            the output cannot be written (read-only, disk full)
│   └── TooManyRejectsError    more rejects than `--max-rejects` allows
├── TrainingError              a training run that cannot go on, or a model that cannot be used
├── LanguageModelError         a language model's server cannot be used, or some calls of a run failed
├── HubError                   the Hugging Face Hub refuses, or cannot be reached
├── StorageError               the store behind a URL refuses, or cannot be reached
├── StoppedError               the user pressed Ctrl-C (exit code 130)
├── DatasetFolderError         a folder that is no readable taskpaint dataset
└── ItemError                  one item, not the run: it becomes a line of rejects.jsonl
    ├── BadItem                the item is broken: a corrupt image or annotation
    └── NotApplicable          nothing is wrong, but this task has nothing to ask here
"""

from __future__ import annotations


class TaskpaintError(Exception):
    """Base of every error a user can cause; `exit_code` is what the command returns."""

    exit_code = 1


class UsageError(TaskpaintError):
    """A wrong option or input, seen before any work."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe that does not hold."""


class SourceLayoutError(UsageError):
    """A folder that is not in the dataset's official layout."""


class TemplateError(UsageError):
    """A template bank that does not hold."""


class LicenseError(UsageError):
    """A source's licence forbids what was asked."""


class PluginError(UsageError):
    """An unknown source, task, filter or export, or two with one name."""


class BuildError(TaskpaintError):
    """A run that cannot go on."""


class ResumeError(BuildError):
    """The output folder was begun with other options."""


class FolderBusyError(BuildError):
    """Another run is writing to the output folder."""


class OutputError(BuildError):
    """The output cannot be written."""


class TooManyRejectsError(BuildError):
    """More rejects than the run allows."""


class TrainingError(TaskpaintError):
    """A training run cannot go on, or a model cannot be used."""


class LanguageModelError(TaskpaintError):
    """A language model's server cannot be used, or some calls of a run failed."""


class HubError(TaskpaintError):
    """The Hugging Face Hub refuses, or cannot be reached."""


class StorageError(TaskpaintError):
    """The store behind a URL refuses, or cannot be reached."""


class StoppedError(TaskpaintError):
    """The user pressed Ctrl-C."""

    exit_code = 130


class DatasetFolderError(TaskpaintError):
    """A folder that is no readable taskpaint dataset."""


class ItemError(TaskpaintError):
    """One item cannot be built; the run goes on."""

    kind = "bad"


class BadItem(ItemError):
    """The item is broken: a corrupt image or annotation."""


class NotApplicable(ItemError):
    """Nothing is wrong with the item, but this task has nothing to ask of it."""

    kind = "skipped"
