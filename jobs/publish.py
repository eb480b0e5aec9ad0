"""Publishes a dataset on the Hugging Face Hub: only what is whole and passed its audit.

python jobs/publish.py out/mixtures --repo-id user/name --dry-run      says what would be uploaded
python jobs/publish.py out/mixtures --repo-id user/name --private

The token is taken from HF_TOKEN, or from where `hf auth login` put it. The same content again changes nothing.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.cli import job_parser, run_job
from pipelines.hub import Hub, check_card, tag_of
from pipelines.hub_summary import print_difference, print_published
from pipelines.publication import open_publication


def main(argv: list[str]) -> int:
    parser = job_parser("publish", __doc__)
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="output of a job of ours")
    parser.add_argument("--repo-id", required=True, metavar="USER/NAME", help="dataset repository on the Hub")
    parser.add_argument(
        "--private",
        action="store_true",
        help="only into a private repository, which is made if there is none",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="list files and what would change; upload nothing"
    )
    arguments = parser.parse_args(argv)

    hub = Hub(arguments.repo_id)
    publication = open_publication(arguments.output)
    check_card(publication.folder)
    if arguments.dry_run:
        print_difference(hub.difference(publication.folder), hub.url, tag_of(publication.content_sha256))
    else:
        print_published(hub.publish(publication.folder, publication.content_sha256, arguments.private))
    return 0


if __name__ == "__main__":
    run_job(main)
