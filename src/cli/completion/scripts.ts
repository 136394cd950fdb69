/** The scripts that shells load. Pure. */

const BASH = `# bash completion of kubectl-vm
_kubectl_vm() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(kubectl-vm __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _kubectl_vm kubectl-vm
`;

const ZSH = `#compdef kubectl-vm
_kubectl_vm() {
  local -a found
  found=("\${(@f)$(kubectl-vm __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#:*}")
  compadd -- "\${(@)found%%$'\\t'*}"
}
compdef _kubectl_vm kubectl-vm
`;

const FISH = `# fish completion of kubectl-vm
function __kubectl_vm_complete
  set -l words (commandline -opc) "$(commandline -ct)"
  kubectl-vm __complete $words[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c kubectl-vm -f -a '(__kubectl_vm_complete)'
`;

/** kubectl itself starts a program of this name to complete \`kubectl vm …\`, in every shell. */
const KUBECTL = `#!/bin/sh
# Save it as kubectl_complete-vm in a folder of the PATH and make it executable.
exec kubectl vm __complete "$@"
`;

export const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ['bash', BASH],
  ['zsh', ZSH],
  ['fish', FISH],
  ['kubectl', KUBECTL],
]);
